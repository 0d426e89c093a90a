import { TestbedError } from '../core/errors.ts'
import { type Problem, problemsError } from './problems.ts'
import { type SchemaName, validate } from './schema.ts'
import { explain, type Finding } from './schema-messages.ts'
import { readSource } from './source.ts'
import { type Pointer, parseYaml, type YamlDocument } from './yaml-document.ts'

/** Makes an error that points into the file, for what only a later step can know (a subnet that clashes with a route). */
export type Fault = (pointer: Pointer, message: string, hint?: string) => TestbedError

export interface Loaded<Value> {
  readonly value: Value
  readonly fault: Fault
}

export type Report = (
  pointer: Pointer,
  message: string,
  details?: Omit<Finding, 'pointer' | 'message'>,
) => void

/** A check that a schema cannot make. */
export interface Rule<Content> {
  /** Top-level keys that it reads: it is left out when one of them broke the schema, so that all else is still told. */
  readonly reads: readonly (keyof Content & string)[]
  /** `written` tells what the file itself says from what is a default. */
  check(content: Content, report: Report, written: (pointer: Pointer) => boolean): void | Promise<void>
}

/** Finding a place takes as long as its map or list is: enough are looked up to show the first. */
const mostLocated = 100

/**
 * Reads a file, checks it against its schema and the rules, and completes it with the schema's defaults.
 * Throws one configuration error with all problems of the file.
 */
export async function loadDocument<Content>(
  file: string,
  schema: SchemaName,
  rules: readonly Rule<Content>[],
): Promise<{ readonly content: Content; readonly fault: Fault }> {
  const document = parseYaml(await readSource(file))
  const { value } = document
  const errors = await validate(schema, value)
  const findings = errors.slice(0, mostLocated).flatMap((error) => explain(error, document.textOf) ?? [])
  const broken = new Set(findings.map(({ pointer }) => pointer[0]))
  const report: Report = (pointer, message, details) => findings.push({ pointer, message, ...details })
  // Where the schema was broken this is a lie; no rule looks there.
  const content = value as Content
  for (const rule of broken.has(undefined) ? [] : rules) {
    if (!rule.reads.some((key) => broken.has(key))) await rule.check(content, report, document.has)
  }
  if (findings.length > 0) {
    const total = findings.length + Math.max(0, errors.length - mostLocated)
    const problems = findings.map((found) => located(document, found))
    throw problemsError(document.source, problems, total)
  }
  return {
    content,
    fault: (pointer, message, hint) =>
      problemsError(document.source, [
        located(document, { pointer, message, ...(hint === undefined ? {} : { hint }) }),
      ]),
  }
}

/** Runs a parser; what it refuses is reported at the pointer and gives undefined. */
export function attempt<Value>(report: Report, pointer: Pointer, parse: () => Value): Value | undefined {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof TestbedError)) throw error
    const { hint } = error.parts
    report(pointer, error.message, hint === undefined ? {} : { hint })
    return undefined
  }
}

/** What a parser makes of it, or undefined where something else tells what is wrong. */
export function valid<Value>(parse: () => Value): Value | undefined {
  return attempt(() => undefined, [], parse)
}

/** Reports an amount outside `least` … `most`, all three in the same notation. */
export function checkAmount(
  report: Report,
  pointer: Pointer,
  text: string,
  parse: (text: string) => number,
  [least, most]: readonly [string, string],
): void {
  const amount = attempt(report, pointer, () => parse(text))
  if (amount === undefined) return
  if (amount < parse(least)) report(pointer, `${text} is too little: ${least} at least`)
  if (amount > parse(most)) report(pointer, `${text} is too much: ${most} at most`)
}

function located(document: YamlDocument, { pointer, at, ...words }: Finding): Problem {
  return { ...words, ...document.locate(pointer, at) }
}
