import { rejectWhenAborted } from '../core/abort.ts'
import { TestbedError } from '../core/errors.ts'
import { lastLines } from '../core/process.ts'
import type { Argv, Host } from '../hosts/host.ts'
import { collectOutput } from '../hosts/output.ts'
import type { TrialContext } from './toolchain.ts'

const timeoutMs = 20_000

/** A command that runs on a host already and only waits to be told: its start-up is no part of an outage. */
export interface StagedCommand {
  /** Tells it, in these words, and waits for its end. @throws TestbedError unless it ends well, and in time */
  complete(words?: string): Promise<void>
  /** Ends it, told or not. */
  close(): void
}

export interface StageOptions {
  /** Waits for what is on its standard input: a line, or all until its end. */
  readonly argv: Argv
  /** For errors: `hand-over of the address`. */
  readonly what: string
  readonly hint: string
  /** From when it is told; 20 s when absent, which is for what moves no state. */
  readonly withinMs?: number
}

export async function stageCommand(
  context: TrialContext,
  host: Host,
  { argv, what, hint, withinMs = timeoutMs }: StageOptions,
): Promise<StagedCommand> {
  const process = await host.stream({ argv })
  const said = collectOutput(process)
  process.stdin.on('error', () => {}) // its exit code tells
  return {
    complete: async (words = 'now\n') => {
      process.stdin.end(words)
      const late = AbortSignal.timeout(withinMs * context.patience)
      const ended = AbortSignal.any([context.signal, late])
      const exitCode = await Promise.race([process.exit, rejectWhenAborted(ended)]).catch(
        (error: unknown) => {
          if (!late.aborted || context.signal.aborted) throw error
          return 'no end'
        },
      )
      if (exitCode === 0) return
      throw new TestbedError('trial', `${what} failed (exit ${exitCode})`, {
        where: host.name,
        why: lastLines(said()),
        hint,
      })
    },
    close: () => process.kill(),
  }
}
