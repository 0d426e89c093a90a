import { type ErrorKind, TestbedError } from '../core/errors.ts'
import { lastLines } from '../core/process.ts'
import type { Command, CommandResult, Host, RunOptions } from './host.ts'

export interface CheckedOptions extends RunOptions {
  /** What was being done, in words: `install criu`. */
  readonly what?: string
  readonly hint?: string
  readonly kind?: ErrorKind
}

/**
 * Runs a command that has to succeed.
 * @throws TestbedError with the host, the exit code and the last lines of what it said.
 */
export async function runChecked(
  host: Host,
  argv: Command['argv'],
  options: CheckedOptions = {},
): Promise<CommandResult> {
  const result = await host.run({ argv }, options)
  if (result.exitCode === 0) return result
  const what = options.what ?? argv.slice(0, 3).join(' ')
  const { why, hint = options.hint } = reasonAndHint(
    result.stderr.trim() === '' ? result.stdout : result.stderr,
  )
  throw new TestbedError(
    options.kind ?? 'testbed',
    `${what} failed (exit ${result.exitCode} after ${(result.durationMs / 1000).toFixed(1)} s)`,
    { where: host.name, why, ...(hint === undefined ? {} : { hint }) },
  )
}

/** Of what a script of `provision/` said: its last lines, and the line `hint: …` among them. */
export function reasonAndHint(said: string): { readonly why: string[]; readonly hint?: string } {
  const hint = said.match(/^hint: (.*)$/m)?.[1]
  return { why: lastLines(said.replace(/^hint: .*\n?/gm, '')), ...(hint === undefined ? {} : { hint }) }
}
