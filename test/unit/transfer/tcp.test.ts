import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { CommandResult, Host, Process } from '../../../src/hosts/host.ts'
import { openReceiver } from '../../../src/transfer/tcp.ts'

const never = new AbortController().signal

/** A listener whose stderr and exit code the test decides. */
function fakeListener() {
  const exit = Promise.withResolvers<number>()
  const stderr = new PassThrough()
  let killed = false
  const process: Process = {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr,
    exit: exit.promise,
    kill: () => {
      killed = true
    },
  }
  return {
    process,
    says: (text: string) => stderr.write(text),
    ends: (code: number) => {
      stderr.end()
      // As a real channel: what was said is read before the end is told.
      stderr.on('end', () => exit.resolve(code))
    },
    wasKilled: () => killed,
  }
}

function fakeHost(name: string, address: string, parts: Partial<Host>): Host {
  const unexpected = () => Promise.reject(new Error('not expected'))
  const host = {
    name,
    address,
    run: unexpected,
    stream: unexpected,
    put: unexpected,
    get: unexpected,
    close: () => {},
  }
  return { ...host, ...parts } as Host
}

function setUp(listeners: ReturnType<typeof fakeListener>[], sent: Partial<CommandResult> = {}) {
  const argvs: string[][] = []
  const next = [...listeners]
  const destination = fakeHost('host-b', '10.0.0.3', {
    stream: async ({ argv }) => {
      argvs.push([...argv])
      return next.shift()?.process ?? Promise.reject(new Error('one listener too many'))
    },
  })
  const source = fakeHost('host-a', '10.0.0.2', {
    run: async ({ argv }) => {
      argvs.push([...argv])
      return { exitCode: 0, stdout: '', stderr: '', durationMs: 1, ...sent }
    },
  })
  return { destination, source, argvs }
}

const listening = 'socat[7] N listening on AF=2 10.0.0.3:20001\n'

test('the destination listens for the source alone, then the source sends, and the bytes are counted there', async () => {
  const listener = fakeListener()
  const { destination, source, argvs } = setUp([listener])
  listener.says(listening)
  const receiver = await openReceiver(destination, source, ['tar', '-x'])
  listener.says('0+3 records in\n4567040 bytes (4.6 MB, 4.4 MiB) copied, 0.1 s, 45 MB/s\n')
  listener.ends(0)
  expect(await receiver.receiveFrom(source, ['tar', '-c', 'a b'], never)).toEqual({ bytes: 4_567_040 })
  const [listen = [], send = []] = argvs
  const port = listen[2] ?? ''
  expect(Number(port)).toBeGreaterThanOrEqual(20_000)
  expect(Number(port)).toBeLessThan(30_000)
  expect(listen.slice(2)).toEqual([port, '10.0.0.3', '10.0.0.2', 'tar', '-x'])
  expect(send.slice(2)).toEqual(['10.0.0.3', port, 'tar', '-c', 'a b'])
})

test('a port that is taken is no failure: another one is tried', async () => {
  const [taken, free] = [fakeListener(), fakeListener()]
  const { destination, source, argvs } = setUp([taken, free])
  taken.says('socat[7] E bind: Address already in use\n')
  taken.ends(1)
  free.says(listening)
  await openReceiver(destination, source, ['cat'])
  expect(argvs).toHaveLength(2)
})

test('a listener that cannot start says why', async () => {
  const listener = fakeListener()
  const { destination, source } = setUp([listener])
  listener.says('sh: 1: socat: not found\n')
  listener.ends(127)
  await expect(openReceiver(destination, source, ['cat'])).rejects.toMatchObject({
    kind: 'trial',
    message: 'transfer: no listener',
    parts: { where: 'host-b', why: ['sh: 1: socat: not found'] },
  })
})

test('what the source cannot send ends the listener and names the source', async () => {
  const listener = fakeListener()
  const { destination, source } = setUp([listener], { exitCode: 1, stderr: 'tar ended with 2\n' })
  listener.says(listening)
  const receiver = await openReceiver(destination, source, ['cat'])
  await expect(receiver.receiveFrom(source, ['tar', '-c'], never)).rejects.toMatchObject({
    kind: 'trial',
    message: 'transfer: the stream to host-b broke off',
    parts: { where: 'host-a', why: ['tar ended with 2'] },
  })
  expect(listener.wasKilled()).toBe(true)
})

test('what the destination cannot take names the destination', async () => {
  const listener = fakeListener()
  const { destination, source } = setUp([listener])
  listener.says(listening)
  const receiver = await openReceiver(destination, source, ['tar', '-x'])
  listener.says('tar: write error: No space left on device\n')
  listener.ends(2)
  await expect(receiver.receiveFrom(source, ['cat'], never)).rejects.toMatchObject({
    message: 'transfer: what was sent could not be taken',
    parts: { where: 'host-b', why: ['tar: write error: No space left on device'] },
  })
  receiver.close()
  expect(listener.wasKilled()).toBe(true)
})
