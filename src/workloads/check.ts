/** `unknown`: it could not be asked, or has nothing of the kind. */
export type Survival = 'kept' | 'lost' | 'unknown'

/** What one look at a workload says about a part of its state. */
export interface Check {
  readonly of: 'memory' | 'files'
  readonly survival: Survival
  /** A sentence. */
  readonly finding: string
}

export const memory = (survival: Survival, finding: string): Check => ({ of: 'memory', survival, finding })
export const files = (survival: Survival, finding: string): Check => ({ of: 'files', survival, finding })

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
