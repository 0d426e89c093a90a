import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type ErrorKind, TestbedError } from '../../core/errors.ts'
import { type Argv, type LocalOptions, lastLines, runLocal } from '../../core/process.ts'

/** What to do about a failure that says something like this. */
export interface FailureHint {
  readonly pattern: RegExp
  readonly hint: string
  readonly kind?: ErrorKind
}

/** Runs a program and keeps all that it says in a file. @throws TestbedError with the hint of the first pattern that fits */
export async function runLogged(
  argv: Argv,
  options: LocalOptions & {
    readonly what: string
    readonly log: string
    readonly hints: readonly FailureHint[]
  },
): Promise<void> {
  const { what, log, hints, ...local } = options
  const { exitCode, stdout, stderr } = await runLocal(argv, local)
  await mkdir(dirname(log), { recursive: true })
  await writeFile(log, `${argv.join(' ')}\n${stdout}${stderr}`).catch(() => undefined) // the disk may be full
  if (exitCode === 0) return
  if (exitCode === 127) {
    throw new TestbedError('prerequisite', `${what} failed: a program is missing`, {
      why: lastLines(stderr),
      hint: 'testbed doctor lists what is there and what is not',
      log,
    })
  }
  const fits = hints.find(({ pattern }) => pattern.test(stderr) || pattern.test(stdout))
  throw new TestbedError(fits?.kind ?? 'testbed', `${what} failed (exit ${exitCode})`, {
    why: errorLines(stderr.trim() === '' ? stdout : stderr),
    ...(fits === undefined ? {} : { hint: fits.hint }),
    log,
  })
}

/** Of much output, the lines that call themselves errors; else the last ones. */
function errorLines(text: string): string[] {
  const errors = text
    .split('\n')
    .filter((line) => /^(E|Err|error|mke2fs|tar|cp)\b|No space left|error:/i.test(line.trim()))
  return lastLines(errors.length > 0 ? errors.join('\n') : text)
}
