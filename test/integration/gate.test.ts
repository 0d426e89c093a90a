import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type GatedContainer, removeAll, startGated } from '../../src/toolchains/docker.ts'
import type { TrialContext } from '../../src/toolchains/toolchain.ts'
import { type PreparedMove, prepareMove } from '../support/prepare-move.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { bringUpHere, type TestbedHere } from '../support/running-testbed.ts'

describeOnHosts('a container at its gate', () => {
  let testbed: TestbedHere
  let prepared: PreparedMove
  let context: TrialContext

  beforeAll(async () => {
    testbed = await bringUpHere(67)
    prepared = await prepareMove(testbed, 'flocker-volume', 'files')
    const [first, second] = prepared.hosts
    context = prepared.context(first, second)
  }, 300_000)
  beforeEach(() => shell('mkdir -p /run/migration-testbed-volumes/data'))
  afterEach(async () => {
    await removeAll(context)
    await shell('umount /run/migration-testbed-volumes/data; rm -rf /run/migration-testbed-volumes/data')
  })
  afterAll(() => testbed.remove())

  const shell = async (script: string) =>
    (await context.destination.run({ argv: ['sh', '-c', script] })).stdout.trim()
  const stateOf = ({ container }: GatedContainer) =>
    context.destination
      .run({ argv: ['docker', 'inspect', '--format', '{{.State.Status}}', container] }, { timeoutMs: 20_000 })
      .then(({ stdout }) => stdout.trim())
  const leftBehind = () => shell('find /run/migration-testbed-gates; nft list tables bridge')

  /** How a connection to the service went within half a second: refused is an answer too. */
  const knock = async () => {
    const { promise, resolve } = Promise.withResolvers<string>()
    const socket = connect(context.service.port, context.service.address)
    socket.setTimeout(500, () => resolve('silence'))
    socket.on('connect', () => resolve('connected'))
    socket.on('error', ({ message }) => resolve(message))
    const answer = await promise
    socket.destroy()
    return answer
  }

  test('is not heard until it is opened, and finds what was mounted meanwhile', async () => {
    const gated = await startGated(context)
    expect(await knock()).toMatch(/^(silence|.*EHOSTUNREACH.*)$/)
    expect(await shell('ls -A /run/migration-testbed-volumes/data')).toBe('')
    await shell(
      'mount -t tmpfs tmpfs /run/migration-testbed-volumes/data; touch /run/migration-testbed-volumes/data/there',
    )
    await gated.open()
    await prepared.answers()
    expect(await stateOf(gated)).toBe('running')
    // Its own files are beside the one that was there before it: not in what the mount covers.
    expect((await shell('ls /run/migration-testbed-volumes/data')).split('\n').sort()).toEqual(
      expect.arrayContaining(['manifest', 'there']),
    )
    expect(await leftBehind()).toBe('')
    gated.close()
  })

  test('that is never opened is left as it was created, and its address can be used elsewhere', async () => {
    const gated = await startGated(context)
    gated.close()
    await vi.waitUntil(async () => (await stateOf(gated)) === 'created', { timeout: 10_000, interval: 100 })
    await vi.waitUntil(async () => (await leftBehind()) === '', { timeout: 10_000, interval: 100 })
  })

  test('that cannot be started says why, before anything was stopped for it', async () => {
    const workload = { ...context.workload, command: ['/no/such/program'] }
    await expect(startGated({ ...context, workload })).rejects.toMatchObject({
      message: expect.stringContaining('docker start'),
      parts: {
        where: 'host-b',
        why: expect.arrayContaining([expect.stringContaining('/no/such/program')]),
        hint: expect.stringContaining('by hand'),
      },
    })
    expect(await leftBehind()).toBe('')
  })
})
