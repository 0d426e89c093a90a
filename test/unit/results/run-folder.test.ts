import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Clock } from '../../../src/core/time.ts'
import { appendRecord } from '../../../src/results/journal.ts'
import { randomFrom } from '../../../src/results/random.ts'
import {
  createRunFolder,
  runFolderAt,
  trialFolderOf,
  writeEnvironment,
} from '../../../src/results/run-folder.ts'
import { readRun } from '../../../src/results/stored-run.ts'
import { trialRecord } from './records.ts'

const clock: Clock = {
  monotonicNs: () => 0n,
  now: () => new Date('2026-11-22T01:04:09.876Z'),
  sleep: () => Promise.resolve(),
}
const plan = {
  hash: 'abc',
  seed: 7,
  experiment: { name: 'quickstart', axes: [{ name: 'toolchain', values: ['docker-commit'] }] },
  order: [{}],
}

let results: string

beforeEach(async () => {
  results = await mkdtemp(join(tmpdir(), 'results-'))
})

afterEach(async () => {
  await rm(results, { recursive: true })
})

describe('run folder', () => {
  test('is named by time and id, holds its plan, and is the latest', async () => {
    const folder = await createRunFolder({ resultsFolder: results, plan, clock, random: () => 0 })
    expect(folder.id).toBe('2026-11-22T01-04-09-aaaa')
    expect(folder.path).toBe(join(results, 'quickstart', folder.id))
    expect(trialFolderOf(folder, '001')).toBe(join(folder.path, 'trials', '001'))
    expect((await readdir(folder.path)).sort()).toEqual(['plan.json', 'trials'])
    expect(await readlink(join(results, 'quickstart', 'latest'))).toBe(folder.id)
  })

  test('a second one in the same second gets another id and takes over the link', async () => {
    const random = randomFrom('ids')
    const options = { resultsFolder: results, plan, clock, random }
    const first = await createRunFolder(options)
    // The first draw is taken already: it must draw again.
    const replay = randomFrom('ids')
    const second = await createRunFolder({ ...options, random: replay })
    expect(second.id).toMatch(/^2026-11-22T01-04-09-[a-z0-9]{4}$/)
    expect(second.id).not.toBe(first.id)
    expect((await readdir(join(results, 'quickstart'))).sort()).toEqual(
      [first.id, second.id, 'latest'].sort(),
    )
    expect(await readlink(join(results, 'quickstart', 'latest'))).toBe(second.id)
  })

  test('is read back through the link, under its own name', async () => {
    const folder = await createRunFolder({ resultsFolder: results, plan, clock, random: () => 0 })
    await writeEnvironment(folder, { provider: 'namespaces', accelerator: 'none', kernel: '6.18' })
    await appendRecord(folder.journalFile, trialRecord())
    const run = await readRun(join(results, 'quickstart', 'latest'))
    expect(run).toMatchObject({
      folder: { id: folder.id },
      plan,
      environment: { provider: 'namespaces', accelerator: 'none', kernel: '6.18' },
      records: [trialRecord()],
    })
  })

  test('killed right after it was made, it can be read', async () => {
    const folder = await createRunFolder({ resultsFolder: results, plan, clock, random: () => 0 })
    expect(await readRun(folder.path)).toMatchObject({ environment: {}, records: [] })
  })

  test('says what is in the way of the link', async () => {
    await mkdir(join(results, 'quickstart', 'latest'), { recursive: true })
    const made = createRunFolder({ resultsFolder: results, plan, clock, random: () => 0 })
    await expect(made).rejects.toMatchObject({ message: 'cannot point `latest` at the new run' })
    expect((await readdir(join(results, 'quickstart'))).filter((name) => name.startsWith('.'))).toEqual([])
  })
})

describe('what is no run', () => {
  test('a folder that does not exist', async () => {
    const path = join(results, 'nothing')
    await expect(readRun(path)).rejects.toMatchObject({
      kind: 'configuration',
      message: 'not a run folder',
      parts: { where: path, why: ['there is no such folder'] },
    })
  })

  test('the folder of an experiment: names the latest run in it', async () => {
    await createRunFolder({ resultsFolder: results, plan, clock, random: () => 0 })
    const path = join(results, 'quickstart')
    await expect(readRun(path)).rejects.toMatchObject({
      parts: { why: ['it holds no plan.json'], hint: `did you mean ${join(path, 'latest')}` },
    })
  })

  test.each([
    ['plan.json', '{"hash":', 'not JSON'],
    ['plan.json', '{"hash":"abc"}', 'not the plan of a run'],
    ['environment.json', '[]', 'not the environment of a run'],
    ['environment.json', '{"accelerator":1}', 'not the environment of a run'],
  ])('a damaged %s: %s', async (name, content, message) => {
    const folder = runFolderAt(results)
    await writeFile(folder.planFile, JSON.stringify(plan))
    await writeFile(join(results, name), content)
    await expect(readRun(results)).rejects.toMatchObject({ message, parts: { where: join(results, name) } })
  })
})
