import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { findOwners } from '../../src/providers/local/owners.ts'
import { takeDown } from '../../src/testbed/down.ts'
import { cacheFolder } from '../../src/testbed/state.ts'
import { differences, type MachineState, machineState } from '../support/machine-state.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

/** Every process that a command starts inherits it. */
const marker = `TESTBED_TEST_MARKER=leftovers-${process.pid}`
const [markerName = '', markerValue = ''] = marker.split('=')

describeOnHosts('nothing is left behind', () => {
  let testbed: TestbedFolder
  let otherCache: string
  let before: MachineState

  beforeAll(async () => {
    testbed = await makeTestbedFolder(1)
    otherCache = await mkdtemp(path.join(tmpdir(), 'cache-'))
    // A first time fills the cache and makes what the kernel and iproute2 make once for ever.
    expectExit(await up(), 0)
    expectExit(await testbed.run('down'), 0)
  })

  beforeEach(() => {
    before = snapshot()
  })

  afterAll(async () => {
    await testbed.remove()
    await rm(otherCache, { recursive: true, force: true })
  })

  const snapshot = () => machineState(testbed.id, marker)
  const environment = (extra = {}) => ({ [markerName]: markerValue, ...extra })
  const up = () => testbed.runWith(environment(), 'up')

  /** Takes down, and compares the machine with what it was. */
  async function expectNothingLeft(): Promise<void> {
    expectExit(await testbed.run('down'), 0)
    expect(differences(before, snapshot())).toEqual([])
    expect(await readdir(testbed.path)).toEqual([testbed.file])
  }

  /** Ends `up` after `ms` as a crash would. Answers whether it was still at work. */
  async function killUp(ms: number, extra = {}): Promise<boolean> {
    const started = testbed.start(environment(extra), 'up')
    const done = await Promise.race([started.ended.then(() => true), delay(ms, false)])
    started.child.kill('SIGKILL')
    await started.ended
    return !done
  }

  test('after down, whatever was done with the hosts', async () => {
    expectExit(await up(), 0)
    expect(differences(before, snapshot()).length).toBeGreaterThan(10)
    const work = 'docker network create other && docker volume create data && mount -t tmpfs none /mnt'
    expectExit(await testbed.run('ssh', 'host-a', '--', 'sh', '-c', work), 0)
    await expectNothingLeft()
  })

  test('on a machine where no network namespace had a name before', async (context) => {
    const skipWithOthers = async () => {
      const others = await readdir('/run/netns').catch(() => [])
      if (others.length === 0) return
      expect(process.env.CI, 'CI has to run this, and other testbeds are up').not.toBe('true')
      context.skip(`others are named: ${others.join(', ')}`)
    }
    await skipWithOthers()
    spawnSync('umount', ['/run/netns'])
    await rm('/run/netns', { recursive: true, force: true })
    const bare = snapshot()
    expectExit(await up(), 0)
    expectExit(await testbed.run('down'), 0)
    await skipWithOthers()
    expect(differences(bare, snapshot())).toEqual([])
    expect(await readdir('/run')).not.toContainEqual(expect.stringContaining('netns'))
  })

  test('where the folder that it was made in is gone', async () => {
    const other = await makeTestbedFolder(1)
    const before = machineState(other.id, marker)
    expectExit(await other.runWith(environment(), 'up'), 0)
    const { stderr } = expectExit(await up(), 2)
    expect(stderr).toContain(`that is testbed ${other.name}, made in ${other.path}: take it down there`)
    const owner = (await findOwners()).find(({ workingDirectory }) => workingDirectory === other.path)
    await rm(other.path, { recursive: true })
    const { stateFolder } = owner ?? expect.fail(`${other.path} owns no link`)
    expect(await takeDown(other.name, { provider: 'auto', progress: () => {}, stateFolder })).toBe(true)
    expect(differences(before, machineState(other.id, marker))).toEqual([])
    await expect(readdir(other.path)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('after rebuild and down', async () => {
    expectExit(await up(), 0)
    expectExit(await testbed.run('rebuild'), 0)
    await expectNothingLeft()
  })

  test('after kill -9 of up at ten moments', async () => {
    const { durationMs } = expectExit(await up(), 0)
    await expectNothingLeft()
    let interrupted = 0
    for (let n = 0; n < 10; n += 1) {
      // The first 150 ms go to loading the program.
      if (await killUp(150 + ((durationMs - 250) * n) / 9)) interrupted += 1
      await expectNothingLeft()
    }
    expect(interrupted).toBeGreaterThanOrEqual(8)
  })

  test('after kill -9 while the image is built', async () => {
    for (const ms of [1500, 6000]) {
      expect(await killUp(ms, { XDG_CACHE_HOME: otherCache })).toBe(true)
      await expectNothingLeft()
    }
    const images = await readdir(path.join(otherCache, 'migration-testbed', 'images'))
    expect(images.filter((name) => !/\.(tmp-\d+(\.scratch)?|lock|lock\.owner)$/.test(name))).toEqual([])
  })

  test('after kill -9 while a host is provisioned into a layer', async () => {
    const cache = path.join(otherCache, 'second', 'migration-testbed')
    await mkdir(cache, { recursive: true })
    await symlink(path.join(cacheFolder(), 'images'), path.join(cache, 'images'))
    for (const pattern of [/install base/, /install docker/]) {
      const started = testbed.start(environment({ XDG_CACHE_HOME: path.dirname(cache) }), 'up')
      expect(await started.says(pattern)).toBe(true)
      await delay(1000)
      started.child.kill('SIGKILL')
      await started.ended
      await expectNothingLeft()
    }
    const layers = await readdir(path.join(cache, 'layers'))
    expect(layers.filter((name) => !/\.(tmp-\d+(\.scratch)?|lock|lock\.owner)$/.test(name))).toEqual([])
  })
})
