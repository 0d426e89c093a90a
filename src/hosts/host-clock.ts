import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Host } from './host.ts'

/** A host's wall clock, asked and set in one session: to open one takes an emulated host longer than a hundred answers. */
export interface HostClock {
  /** Nanoseconds since 1970, to the microsecond. */
  now(): Promise<bigint>
  /** Sets it forwards, or with a negative number of nanoseconds backwards. Answers what the host said against it. */
  step(nanoseconds: bigint): Promise<string | undefined>
  close(): void
}

const answerMs = 20_000

/** Nothing is started for an answer. */
const script = `while read -r word by; do
  if [ "$word" = step ]; then
    at=$((\${EPOCHREALTIME/./} * 1000 + by))
    printf -v at '@%d.%09d' $((at / 1000000000)) $((at % 1000000000))
    said=$(date --set "$at" 2>&1 >/dev/null) && said=set
    echo "\${said//$'\\n'/ }"
  else
    echo "\${EPOCHREALTIME/./}"
  fi
done`

/** @throws TestbedError or an AbortError when the host gives no answer */
export async function openHostClock(host: Host, signal?: AbortSignal): Promise<HostClock> {
  const process = await host.stream({ argv: ['env', 'LC_ALL=C', 'bash', '-c', script] })
  process.stderr.resume()
  const lines = createInterface({ input: process.stdout })
  const ask = async (question: string) => {
    const deadline = AbortSignal.timeout(answerMs)
    const answer = once(lines, 'line', {
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    })
    process.stdin.write(`${question}\n`)
    const [line] = (await answer) as [string]
    return line
  }
  return {
    now: async () => BigInt(await ask('now')) * 1000n,
    step: async (nanoseconds) => {
      const said = await ask(`step ${nanoseconds}`)
      return said === 'set' ? undefined : said
    },
    close: () => {
      lines.close()
      process.stdin.end()
      process.kill()
    },
  }
}
