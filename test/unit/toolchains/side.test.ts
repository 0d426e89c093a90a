import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { Host, Process } from '../../../src/hosts/host.ts'
import { startSide } from '../../../src/toolchains/side.ts'

/** A script on a host whose words the test says. */
async function fakeSide(signal = new AbortController().signal) {
  const exit = Promise.withResolvers<number>()
  let killed = false
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() }
  const process: Process = { ...streams, exit: exit.promise, kill: () => (killed = true) }
  const host = { name: 'host-b', stream: async () => process } as unknown as Host
  const side = await startSide(host, ['sh'], {}, signal)
  return { side, ...streams, exit, killed: () => killed }
}
const limit = { what: 'the restore', ms: 1000 }

test('lines are taken in order, whenever they come', async () => {
  const { side, stdout } = await fakeSide()
  stdout.write('connected\nrestored 12')
  await side.expect('connected', limit)
  const pid = side.expect('restored', limit)
  stdout.write('34\n')
  expect(await pid).toBe('1234')
})

test.each([
  ['socat', '2026/11/22 09:11:29 socat[7] N listening on AF=2 10.0.0.3:46275\n', 46_275],
  ['sshd', 'Server listening on 10.0.0.3 port 27028.\n', 27_028],
])('the port is the one that %s says', async (_, text, port) => {
  const { side, stderr } = await fakeSide()
  stderr.write(text.slice(0, 30))
  stderr.write(text.slice(30))
  expect(await side.port).toBe(port)
})

test('a failure is told with its reason, and to whoever waits for the other side', async () => {
  const { side, stdout, stderr } = await fakeSide()
  stderr.write('2026/11/22 09:11:29 socat[7] N listening on AF=2 10.0.0.3:4\ntar: no space left\n')
  stdout.write('failed what was sent could not be unpacked\n')
  const failure = {
    message: 'what was sent could not be unpacked',
    parts: { where: 'host-b', why: ['tar: no space left'] },
  }
  await expect(side.broken).rejects.toMatchObject(failure)
  await expect(side.expect('received', limit)).rejects.toMatchObject({ message: failure.message })
})

test('a checkpoint that ended with an error is one, one that ended well is not', async () => {
  const good = await fakeSide()
  good.stdout.write('ended 0 c3RhdHM=\n')
  expect(await good.side.expect('ended', limit)).toBe('0 c3RhdHM=')
  const bad = await fakeSide()
  bad.stdout.write('ended 1\n')
  await expect(bad.side.expect('dumped', limit)).rejects.toThrow('runc checkpoint failed (exit 1)')
})

test('silence is a hang, an end is told as one', async () => {
  const silent = await fakeSide()
  await expect(silent.side.expect('restored', { ...limit, ms: 20 })).rejects.toThrow(
    'the restore hangs: no end after 20ms',
  )
  const ended = await fakeSide()
  ended.exit.resolve(137)
  await expect(ended.side.expect('restored', limit)).rejects.toThrow(
    'the restore: its script ended (exit 137)',
  )
})

test('an interrupted trial waits for nothing', async () => {
  const controller = new AbortController()
  const { side } = await fakeSide(controller.signal)
  const waiting = side.expect('restored', { ...limit, ms: 60_000 })
  controller.abort(new Error('interrupted'))
  await expect(waiting).rejects.toThrow('interrupted')
})
