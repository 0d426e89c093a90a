import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createNamespacesProvider } from '../../src/providers/namespaces/provider.ts'
import type { CommandLineResult } from '../support/command-line.ts'
import { said } from '../support/machine-state.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'
import {
  type Moved,
  pathOfVolume,
  type Shown,
  testVolumeMoves,
  volumeTools,
} from '../support/volume-contract.ts'

describeOnHosts('volumes', () => {
  let testbed: TestbedFolder
  beforeAll(async () => {
    testbed = await makeTestbedFolder(63)
    expectExit(await testbed.run('up'), 0)
  })
  afterAll(() => testbed.remove())

  const loopDevices = () => said('losetup', '--noheadings', '--list', '--output', 'NAME')
  const loopsBefore = loopDevices()
  const { volume, json, on } = volumeTools(() => testbed)
  function refused(result: CommandLineResult, exitCode: number, ...said: string[]): void {
    expect(result.exitCode).toBe(exitCode)
    expect(result.stderr).toMatch(/^✗ /m)
    for (const words of said) expect(result.stderr).toContain(words)
    expect(result.stderr).not.toMatch(/^ +at /m)
  }

  describe.each(['btrfs', 'rsync'])('kept by %s', (backEnd) => {
    const name = `data-${backEnd}`
    const path = pathOfVolume(name)

    testVolumeMoves(name, backEnd, () => testbed)
    test('what is written while the first passes run is there afterwards', async () => {
      await on(
        'host-a',
        `cd ${path} && (for n in $(seq 400); do echo $n >>log; sleep 0.005; done) >/dev/null 2>&1 </dev/null &`,
      )
      const result = await volume('move', name, 'host-b')
      // The writer holds the folder: it is refused, and the source goes on.
      if (result.exitCode !== 0) refused(result, 4, 'is in use by process')
      await on('host-a', 'while pgrep -f "seq [4]00" >/dev/null; do sleep 0.1; done; sleep 2.5')
      if (result.exitCode !== 0) {
        const { state, reason } = await json<Shown>('show', name)
        expect(state).toBe('failed')
        expect(reason).toContain('the move to host-b failed')
        await json<Moved>('move', name, 'host-b')
      }
      expect(await on('host-b', `tail -n 1 ${path}/log; wc -l <${path}/log`)).toBe('400\n400')
    })

    test('a process that uses it keeps it where it is, and is named', async () => {
      await on('host-b', `cd ${path}; sleep 60 >/dev/null 2>&1 </dev/null & echo $! >/tmp/user`)
      refused(
        await volume('move', name, 'host-a'),
        4,
        'is in use by process',
        '(sleep)',
        'stop what uses it first',
      )
      refused(await volume('destroy', name), 4, 'is in use by process')
      expect(await on('host-b', `echo still >${path}/written && cat ${path}/written`)).toBe('still')
      await on('host-b', 'kill $(cat /tmp/user)')
    })

    test('detached and attached again', async () => {
      expectExit(await volume('detach', name), 0)
      expect(await on('host-b', `mountpoint -q ${path} || echo none`)).toBe('none')
      expect((await json<Shown>('show', name)).state).toBe('detached')
      await json<Moved>('move', name, 'host-a')
      expect(await on('host-a', `mountpoint -q ${path} || echo none`)).toBe('none')
      expect((await json<{ path: string }>('attach', name)).path).toBe(path)
      expect(await on('host-a', `cat ${path}/written`)).toBe('still')
    })

    test('a snapshot keeps what was there', async () => {
      expectExit(await volume('snapshot', name, 'before'), 0)
      refused(await volume('snapshot', name, 'before'), 2, 'has a snapshot before already')
      const { copies } = await json<Shown>('show', name)
      expect(copies.find(({ host }) => host === 'host-a')?.snapshots).toContain('before')
    })

    test('destroyed, nothing of it is left on any host', async () => {
      const { id } = await json<Shown>('show', name)
      expectExit(await volume('destroy', name), 0)
      for (const host of ['host-a', 'host-b']) {
        expect(
          await on(
            host,
            `find /var/lib/migration-testbed/volumes /run/migration-testbed-volumes -name '*${id}*' -o -name ${name}`,
          ),
        ).toBe('')
      }
      refused(await volume('show', name), 2, `there is no dataset ${name}`)
    })
  })

  test('a full volume is full, where the back end can tell', async () => {
    const { path } = await json<Shown>('create', 'small', '--size', '16MiB', '--back-end', 'btrfs')
    await expect(
      on('host-a', `dd if=/dev/urandom of=${path}/all bs=1M count=40 conv=fsync status=none`),
    ).rejects.toThrow(/quota|space/i)
    expectExit(await volume('destroy', 'small'), 0)
  })

  test('what cannot be is refused before anything is made', async () => {
    await json<Shown>('create', 'taken', '--size', '16MiB')
    refused(await volume('create', 'taken', '--size', '16MiB'), 2, 'there is a dataset taken already')
    refused(await volume('create', 'Upper', '--size', '16MiB'), 2, '"Upper" is no name of a dataset')
    refused(await volume('create', 'other', '--size', '16'), 2, '16 has no unit')
    refused(await volume('create', 'other', '--size', '1KiB'), 2, 'too small')
    refused(
      await volume('create', 'other', '--size', '16MiB', '--host', 'host-c'),
      2,
      'there is no host host-c',
      'host-a, host-b',
    )
    refused(await volume('create', 'other', '--size', '900000GiB'), 4, 'other does not fit')
    refused(await volume('move', 'taken', 'host-c'), 2, 'there is no host host-c')
    refused(await volume('move', 'taken', 'host-a'), 2, 'is on host-a already')
    refused(await volume('move', 'tekan', 'host-b'), 2, 'there is no dataset tekan', 'taken')
    expect((await json<Shown[]>('list')).map(({ state }) => state)).toEqual(['attached'])
    expectExit(await volume('destroy', 'taken'), 0)
  })

  test('a lease keeps others from moving it until it runs out', async () => {
    await json<Shown>('create', 'leased', '--size', '16MiB')
    const { token } = await json<{ token: string }>(
      'lease',
      'leased',
      '--for',
      '60s',
      '--holder',
      'night run',
    )
    const listed = await volume('list', '--json')
    expect(listed.stdout).toContain('night run')
    expect(listed.stdout).not.toContain(token)
    refused(await volume('move', 'leased', 'host-b'), 6, 'night run keeps it on host-a until 20')
    refused(await volume('lease', 'leased', '--for', '1s'), 6, 'night run')
    refused(await volume('destroy', 'leased'), 6, 'night run')
    await json('renew', 'leased', '--for', '1500ms', '--token', token)
    await new Promise((resolve) => setTimeout(resolve, 1600))
    // Paused for too long: it cannot go on as if nothing had happened.
    refused(await volume('renew', 'leased', '--for', '60s', '--token', token), 5, 'ran out')
    await json<Moved>('move', 'leased', 'host-b')
    const second = await json<{ token: string }>('lease', 'leased', '--for', '60s')
    refused(await volume('renew', 'leased', '--for', '60s', '--token', token), 5, 'not in force any more')
    refused(await volume('release', 'leased', '--token', token), 5, 'not in force any more')
    await json<Moved>('move', 'leased', 'host-a', '--token', second.token)
    expectExit(await volume('release', 'leased', '--token', second.token), 0)
    expectExit(await volume('destroy', 'leased'), 0)
  })

  test('a host that was powered off has its volumes again, and down leaves no loop device of them', async () => {
    const { path } = await json<Shown>('create', 'durable', '--size', '16MiB', '--back-end', 'btrfs')
    await on('host-a', `echo here >${path}/file && sync ${path}/file`)
    expect(loopDevices().length).toBeGreaterThan(loopsBefore.length)
    await createNamespacesProvider(testbed.context()).kill('host-a')
    const shown = await volume('show', 'durable', '--json')
    expect(JSON.parse(expectExit(shown, 0).stdout)).toMatchObject({ primary: 'host-a', copies: [] })
    refused(await volume('move', 'durable', 'host-b'), 4, 'host-a: the host does not run', 'testbed up')
    expectExit(await testbed.run('up'), 0)
    expect(await on('host-a', `cat ${path}/file`)).toBe('here')
    expectExit(await testbed.run('down'), 0)
    await vi.waitFor(() => expect(loopDevices()).toEqual(loopsBefore), 10_000)
    expectExit(await testbed.run('up'), 0)
    expect(await json<Shown[]>('list')).toEqual([])
  })

  test('an experiment does not put back hosts with datasets on them', async () => {
    await json<Shown>('create', 'kept', '--size', '16MiB')
    refused(
      await testbed.run('run', 'quickstart', '--repetitions', '1'),
      2,
      'datasets are on them',
      'kept on host-a',
    )
    expectExit(await testbed.run('rebuild'), 0)
    expect(await json<Shown[]>('list')).toEqual([])
  })
})
