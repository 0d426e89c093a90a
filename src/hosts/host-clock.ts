import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { TestbedError } from '../core/errors.ts'
import type { Host } from './host.ts'

/** A host's wall clock, asked and set in one session: to open one takes an emulated host longer than a hundred answers. */
export interface HostClock {
  // Each throws a TestbedError when the host is silent, or the signal's reason.
  /** Nanoseconds since 1970, to the microsecond. */
  now(): Promise<bigint>
  /** Sets it forwards, or with a negative number of nanoseconds backwards. Answers what the host said against it. */
  step(nanoseconds: bigint): Promise<string | undefined>
  close(): void
}

const answerMs = 20_000
const second = 1_000_000_000n

/**
 * Nothing is started for an answer. A step is one call of the kernel that moves the clock from wherever it is at that moment
 * (ADJ_SETOFFSET and ADJ_NANO of adjtimex(2), with the struct timex of 64-bit machines): however long it takes to come to
 * it does not matter.
 */
const script = `while read -r word seconds nanoseconds; do
  if [ "$word" = step ]; then
    said=$(perl -e '
      my ($machine, $seconds, $nanoseconds) = @ARGV;
      my $timex = pack "L x4 q4 l x4 q3 q q x120", 0x2100, (0) x 8, $seconds, $nanoseconds;
      syscall($machine eq "aarch64" ? 171 : 159, $timex) >= 0 or print "adjtimex: $!";
    ' "$(uname -m)" "$seconds" "$nanoseconds" 2>&1) || said="\${said:-perl failed}"
    echo "\${said//$'\n'/ }"
  else
    echo "\${EPOCHREALTIME/./}"
  fi
done`

export async function openHostClock(host: Host, signal?: AbortSignal): Promise<HostClock> {
  const process = await host.stream({ argv: ['env', 'LC_ALL=C', 'bash', '-c', script] })
  process.stderr.resume()
  const lines = createInterface({ input: process.stdout })
  const ask = async (question: string) => {
    const deadline = AbortSignal.timeout(answerMs)
    const answer = once(lines, 'line', {
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    }).catch((error: unknown) => {
      signal?.throwIfAborted()
      throw new TestbedError('testbed', `its clock did not answer within ${answerMs / 1000} s`, {
        where: host.name,
        hint: 'it may be overloaded or gone: testbed status; testbed rebuild makes it anew',
        cause: error,
      })
    })
    process.stdin.write(`${question}\n`)
    const [line] = (await answer) as [string]
    return line
  }
  return {
    now: async () => BigInt(await ask('now')) * 1000n,
    step: async (nanoseconds) => {
      // The second part counts forwards, also on the way back.
      const seconds = nanoseconds / second - (nanoseconds % second < 0n ? 1n : 0n)
      const said = await ask(`step ${seconds} ${nanoseconds - seconds * second}`)
      return said === '' ? undefined : said
    },
    close: () => {
      lines.close()
      process.stdin.end()
      process.kill()
    },
  }
}
