import { createInterface } from 'node:readline'
import { messageOf, TestbedError } from '../core/errors.ts'
import { lastLines } from '../core/process.ts'
import { formatDuration } from '../core/units.ts'
import type { Argv, Host } from '../hosts/host.ts'

/** A script that does one side of a move, and says with a word a line how far it is. */
export interface Side {
  readonly host: Host
  /** The port that it listens on, once it does. */
  readonly port: Promise<number>
  /**
   * Waits for the line that begins with `word`; answers the rest of it. Lines come in the script's order, each is taken once.
   * @throws TestbedError when it says something else, ends, or is silent for `ms`: `what` is what it then hangs in
   */
  expect(
    word: string,
    limit: { readonly what: string; readonly ms: number; readonly hint?: string },
  ): Promise<string>
  /** Rejects when it fails, whatever is waited for; never resolves. */
  readonly broken: Promise<never>
  tell(words: string): void
  /** No word more will come: what is frozen is let go on. */
  endInput(): void
  kill(): void
}

export async function startSide(
  host: Host,
  argv: Argv,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Side> {
  const process = await host.stream({ argv, env })
  const lines: string[] = []
  let said = ''
  let wake: () => void = () => {}
  let ended: string | undefined
  const port = Promise.withResolvers<number>()
  const broken = Promise.withResolvers<never>()
  for (const promise of [port.promise, broken.promise]) promise.catch(() => {}) // nobody has to wait for it
  const fail = (message: string, hint?: string) => {
    const parts = { where: host.name, why: wordsOf(said), ...(hint === undefined ? {} : { hint }) }
    const error = new TestbedError('trial', message, parts)
    broken.reject(error)
    port.reject(error)
    return error
  }
  process.stdin.on('error', () => {}) // it may end without reading: its exit code tells
  createInterface({ input: process.stdout }).on('line', (line) => {
    lines.push(line)
    const failure = failureIn(line)
    if (failure !== undefined) fail(failure)
    wake()
  })
  process.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
    const listening = /listening on (?:AF=2 \S+:|\S+ port )(\d+)/i.exec(said)
    if (listening !== null) port.resolve(Number(listening[1]))
  })
  process.exit.then(
    (exitCode) => {
      ended = `its script ended (exit ${exitCode})`
      if (exitCode !== 0) fail(ended)
      else port.reject(new Error(ended))
      wake()
    },
    (error: unknown) => {
      ended = messageOf(error)
      fail(ended)
      wake()
    },
  )
  const next = async (deadline: AbortSignal): Promise<string | undefined> => {
    while (lines.length === 0 && ended === undefined && !deadline.aborted) {
      await new Promise<void>((resolve) => {
        wake = resolve
        deadline.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    return lines.shift()
  }
  return {
    host,
    port: port.promise,
    broken: broken.promise,
    expect: async (word, { what, ms, hint }) => {
      const line = await next(AbortSignal.any([AbortSignal.timeout(ms), signal]))
      signal.throwIfAborted()
      if (line === undefined) {
        throw fail(
          ended === undefined ? `${what} hangs: no end after ${formatDuration(ms)}` : `${what}: ${ended}`,
          hint,
        )
      }
      const [first = '', ...rest] = line.split(' ')
      if (first === word) return rest.join(' ')
      throw fail(failureIn(line) ?? `${what}: it said ${line}`, hint)
    },
    tell: (words) => process.stdin.write(`${words}\n`),
    endInput: () => process.stdin.end(),
    kill: () => process.kill(),
  }
}

/** What a line says that is no good news, in words. */
function failureIn(line: string): string | undefined {
  const failed = /^failed (.*)$/.exec(line)?.[1]
  if (failed !== undefined) return failed
  const code = /^ended (\d+)$/.exec(line)?.[1]
  return code === undefined || code === '0' ? undefined : `runc checkpoint failed (exit ${code})`
}

/** Without what socat tells when all is well. */
function wordsOf(said: string): string[] {
  return lastLines(
    said.replace(/^.* socat\[\d+\] [NI] .*$|^Server listening .*$|^Accepted publickey .*$/gm, ''),
  )
}
