import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { messageOf, TestbedError } from '../../core/errors.ts'

/** A conversation with one QEMU over its monitor socket. */
export interface Qmp {
  /** @throws TestbedError with QEMU's own words, or when no answer comes in time */
  ask<Answer = unknown>(command: string, args?: Readonly<Record<string, unknown>>): Promise<Answer>
}

export type QmpMessage =
  | { readonly kind: 'greeting'; readonly version: string }
  | { readonly kind: 'event'; readonly name: string }
  | { readonly kind: 'answer'; readonly id: unknown; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: unknown; readonly message: string }

/** One line of the protocol. @throws SyntaxError when it is not JSON */
export function parseQmp(line: string): QmpMessage {
  const message = JSON.parse(line) as {
    QMP?: { version?: { qemu?: { major: number; minor: number; micro: number } } }
    event?: string
    return?: unknown
    error?: { class?: string; desc?: string }
    id?: unknown
  }
  if (message.QMP !== undefined) {
    const { major = 0, minor = 0, micro = 0 } = message.QMP.version?.qemu ?? {}
    return { kind: 'greeting', version: `${major}.${minor}.${micro}` }
  }
  if (message.event !== undefined) return { kind: 'event', name: message.event }
  if (message.error !== undefined) {
    return { kind: 'error', id: message.id, message: message.error.desc ?? 'an error without words' }
  }
  return { kind: 'answer', id: message.id, value: message.return }
}

export interface QmpOptions {
  readonly host: string
  /** For each answer, the greeting included. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** Opens a conversation, has it, and closes it: QEMU speaks with one client at a time. */
export async function withQmp<Result>(
  path: string,
  options: QmpOptions,
  talk: (qmp: Qmp) => Promise<Result>,
): Promise<Result> {
  const { signal } = options
  signal?.throwIfAborted()
  const socket = createConnection(path)
  const stop = () => socket.destroy()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const conversation = converse(socket, options)
    await conversation.greeted
    await conversation.ask('qmp_capabilities')
    return await talk(conversation)
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : error
  } finally {
    signal?.removeEventListener('abort', stop)
    socket.destroy()
  }
}

function converse(socket: Socket, { host, timeoutMs }: QmpOptions): Qmp & { greeted: Promise<unknown> } {
  const waiting = new Map<unknown, PromiseWithResolvers<unknown>>()
  const fail = (why: string) =>
    new TestbedError('testbed', 'QEMU does not answer', {
      where: host,
      why: [why],
      hint: 'testbed status tells whether the host is up; testbed rebuild makes it anew',
    })
  const expect = (id: unknown) => {
    const answer = Promise.withResolvers<unknown>()
    waiting.set(id, answer)
    const timer = setTimeout(() => answer.reject(fail(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
    return answer.promise.finally(() => {
      clearTimeout(timer)
      waiting.delete(id)
    })
  }
  const closed = (why: string) => {
    for (const answer of waiting.values()) answer.reject(fail(why))
  }
  socket.on('error', (error) => closed(error.message))
  socket.on('close', () => closed('it closed its monitor'))
  const hear = (message: QmpMessage) => {
    if (message.kind === 'greeting') waiting.get('greeting')?.resolve(message.version)
    else if (message.kind === 'answer') waiting.get(message.id)?.resolve(message.value)
    else if (message.kind === 'error') {
      waiting
        .get(message.id)
        ?.reject(
          new TestbedError('testbed', 'QEMU refused a command', { where: host, why: [message.message] }),
        )
    }
  }
  followLines(socket, (line) => {
    try {
      hear(parseQmp(line))
    } catch (error) {
      closed(`it says what is not its protocol: ${messageOf(error)}`)
    }
  })
  let last = 0
  return {
    greeted: expect('greeting'),
    ask: async <Answer>(command: string, args?: Readonly<Record<string, unknown>>) => {
      last += 1
      const answer = expect(last)
      const text = JSON.stringify({ execute: command, id: last, ...(args && { arguments: args }) })
      if (!socket.write(`${text}\n`)) await Promise.race([once(socket, 'drain'), answer])
      return (await answer) as Answer
    },
  }
}

/** Not readline's interface: that one throws when the socket fails. */
function followLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
}
