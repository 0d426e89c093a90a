import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { loadTestbed } from '../../../src/config/testbed.ts'
import { exists } from '../../../src/core/exists.ts'
import { requireUp, statusOf } from '../../../src/testbed/open.ts'
import {
  cacheFolder,
  lockTestbed,
  readState,
  removeState,
  stateFolderOf,
  type TestbedState,
  writeState,
} from '../../../src/testbed/state.ts'

const home = process.cwd()
let folder: string

/** State lies in the working directory. */
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'state-'))
  process.chdir(folder)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  process.chdir(home)
  await rm(folder, { recursive: true })
})

async function stateOf(): Promise<TestbedState> {
  const { value: testbed } = await loadTestbed('default')
  return { version: 1, provider: 'namespaces', testbed, createdAt: '2026-11-22T01:04:09.000Z' }
}

test('what is written is read again, and gone when it is removed', async () => {
  const state = await stateOf()
  expect(await readState('default')).toBeUndefined()
  expect(await exists(stateFolderOf('default'))).toBe(false)
  await writeState(state)
  expect(await readState('default')).toEqual(state)
  expect(await readdir(stateFolderOf('default'))).toEqual(['testbed.json'])
  await writeState({ ...state, testbed: { ...state.testbed, name: 'other' } })
  await removeState(stateFolderOf('default'))
  expect(await exists(stateFolderOf('default'))).toBe(false)
  expect(await readdir('.testbed')).toEqual(['other'])
  await removeState(stateFolderOf('other'))
  expect(await readdir('.')).toEqual([])
  await removeState(stateFolderOf('other'))
})

test('state that cannot be read is an error with the way out', async () => {
  await mkdir(stateFolderOf('default'), { recursive: true })
  await writeFile(path.join(stateFolderOf('default'), 'testbed.json'), '{"version": 1, "prov')
  await expect(readState('default')).rejects.toMatchObject({
    kind: 'testbed',
    parts: { hint: 'testbed down removes what is left of the testbed' },
  })
})

test('one program at a time holds a testbed', async () => {
  const unlock = await lockTestbed('default')
  await expect(lockTestbed('default')).rejects.toMatchObject({
    kind: 'busy',
    exitCode: 6,
    message: `testbed default is in use by process ${process.pid}`,
  })
  await (await lockTestbed('other'))()
  await unlock()
  await (await lockTestbed('default'))()
  expect(await readdir(stateFolderOf('default'))).toEqual([])
})

test('the lock of a program that was killed is taken over', async () => {
  const lock = path.join(stateFolderOf('default'), 'lock')
  await mkdir(lock, { recursive: true })
  // Process ids go up to 4194304; and this one's own, with another start.
  for (const pid of [4_194_305, process.pid]) {
    await mkdir(lock, { recursive: true })
    await writeFile(`${lock}.owner`, JSON.stringify({ pid, startedAt: '1' }))
    await (await lockTestbed('default'))()
    await expect(access(lock)).rejects.toMatchObject({ code: 'ENOENT' })
  }
})

test('a testbed without state is down, and commands that need it say so', async () => {
  expect(await statusOf('default')).toEqual({ name: 'default', state: 'down', hosts: [] })
  const down = {
    kind: 'testbed',
    message: 'testbed default is not up',
    parts: { hint: 'bring it up: testbed up' },
  }
  await expect(requireUp('default')).rejects.toMatchObject(down)
  await writeState(await stateOf())
  await expect(requireUp('default')).rejects.toMatchObject(down)
  const up = { ...(await stateOf()), facts: {}, addresses: [] }
  await writeState(up)
  expect(await requireUp('default')).toEqual(up)
})

test('the cache is the user’s, shared by all testbeds', () => {
  vi.stubEnv('XDG_CACHE_HOME', '/elsewhere')
  expect(cacheFolder()).toBe('/elsewhere/migration-testbed')
  vi.stubEnv('XDG_CACHE_HOME', '')
  expect(cacheFolder()).toBe(path.join(homedir(), '.cache', 'migration-testbed'))
})
