/** Who can mend an error; it decides the exit code that scripts rely on. */
export type ErrorKind =
  | 'internal'
  | 'configuration'
  | 'prerequisite'
  | 'testbed'
  | 'trial'
  | 'busy'
  | 'interrupted'

export const exitCodes = {
  internal: 1,
  configuration: 2,
  prerequisite: 3,
  testbed: 4,
  trial: 5,
  busy: 6,
  interrupted: 130,
} as const satisfies Record<ErrorKind, number>

export interface ErrorParts {
  /** The last lines that say why, each without a newline. */
  readonly why?: readonly string[]
  /** Host, step or file:line:column. */
  readonly where?: string
  /** What to do about it. */
  readonly hint?: string
  /** Path of the whole log. */
  readonly log?: string
  /** The command that takes it up again. */
  readonly again?: string
  readonly cause?: unknown
}

/** An error meant for a person: what failed, where, why, what to do, where the log is. */
export class TestbedError extends Error {
  override readonly name = 'TestbedError'
  readonly kind: ErrorKind
  readonly parts: ErrorParts

  constructor(kind: ErrorKind, message: string, parts: ErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause })
    this.kind = kind
    this.parts = parts
  }

  get exitCode(): number {
    return exitCodes[this.kind]
  }
}

/** Renders an error as the command line shows it, without colour. */
export function formatError(error: unknown): string {
  if (!(error instanceof TestbedError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return `✗ internal fault: ${text}`
  }
  const { where, why, hint, log, again } = error.parts
  const lines = [`✗ ${where === undefined ? '' : `${where}: `}${error.message}`]
  for (const line of why ?? []) lines.push(`    ${line}`)
  if (hint !== undefined) lines.push(`  hint  ${hint}`)
  if (log !== undefined) lines.push(`  log   ${log}`)
  if (again !== undefined) lines.push(`  again ${again}`)
  return lines.join('\n')
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
