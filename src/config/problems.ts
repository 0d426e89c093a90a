import { TestbedError } from '../core/errors.ts'
import { nearest } from './nearest.ts'

/** Something wrong at a place of a file. */
export interface Problem {
  /** From 1. */
  readonly line: number
  readonly column: number
  readonly message: string
  /** What may stand there: names, or a sentence. */
  readonly allowed?: readonly string[]
  readonly hint?: string
}

export interface ProblemFile {
  /** Path as shown to people. */
  readonly shown: string
  readonly lines: readonly string[]
}

const shownProblems = 20
const shownNames = 20
const shownColumns = 100

/**
 * One error for all problems of a file, in the order of its lines; the first says where.
 * `total` counts those, too, that nobody located.
 */
export function problemsError(
  file: ProblemFile,
  problems: readonly Problem[],
  total = problems.length,
): TestbedError {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
  const [first, ...others] = sorted.map((problem) => ({
    ...problem,
    message: printable(problem.message),
    ...(problem.hint === undefined ? {} : { hint: printable(problem.hint) }),
  }))
  if (first === undefined) throw new RangeError('an error needs a problem')
  const where = (problem: Problem): string => `${file.shown}:${problem.line}:${problem.column}`
  if (others.length === 0) {
    return new TestbedError('configuration', first.message, {
      where: where(first),
      why: excerpt(file, first),
      ...(first.hint === undefined ? {} : { hint: first.hint }),
    })
  }
  const block = (problem: Problem): string[] => [
    ...excerpt(file, problem),
    ...(problem.hint === undefined ? [] : [`  hint     ${problem.hint}`]),
  ]
  const why = block(first)
  for (const problem of others.slice(0, shownProblems - 1)) {
    why.push(`${where(problem)}: ${problem.message}`, ...block(problem))
  }
  const left = total - Math.min(sorted.length, shownProblems)
  if (left > 0) why.push(`… and ${left} more`)
  return new TestbedError('configuration', `${first.message} (first of ${total} problems)`, {
    where: where(first),
    why,
  })
}

/** The line, a caret under the column, and what is allowed there. */
function excerpt(file: ProblemFile, problem: Problem): string[] {
  const gutter = String(problem.line)
  const line = printable(file.lines[problem.line - 1] ?? '')
  const start = problem.column > shownColumns ? problem.column - shownColumns / 2 : 0
  const end = start + shownColumns
  const text = `${start > 0 ? '…' : ''}${line.slice(start, end)}${end < line.length ? '…' : ''}`
  const indent = problem.column - 1 - start + (start > 0 ? 1 : 0)
  const lines = [`${gutter} │ ${text}`.trimEnd(), `${' '.repeat(gutter.length)} │ ${' '.repeat(indent)}^`]
  if (problem.allowed !== undefined) lines.push(`  allowed  ${shortList(problem.allowed)}`)
  return lines
}

/** Every tab, escape or direction mark as one visible character: none may move the caret or reach the terminal. */
function printable(text: string): string {
  return text.replaceAll('\t', '→').replace(/[\p{Cc}\p{Cf}]/gu, '·')
}

/** `a, b, c … and 4 more`. */
export function shortList(names: readonly string[]): string {
  if (names.length === 0) return '(none)'
  const left = names.length - shownNames
  return names.slice(0, shownNames).join(', ') + (left > 0 ? ` … and ${left} more` : '')
}

/** The details of an unknown name: all names there are, and the one that was probably meant. */
export function unknownName(
  name: string,
  known: readonly string[],
): { readonly allowed: readonly string[]; readonly hint?: string } {
  const meant = nearest(name, known)
  return { allowed: known, ...(meant === undefined ? {} : { hint: `did you mean "${meant}"?` }) }
}

/** A value as an error message quotes it: short, on one line. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return `"${short.replace(/\s+/g, ' ')}"`
}
