import type { HostName } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import type { BackEndName } from './back-end.ts'

/** Keeps a dataset where it is: while it holds, nobody else moves it. */
export interface Lease {
  /** The host that the dataset has to stay on. */
  readonly host: HostName
  /** Who has it, in words that a person can follow up. */
  readonly holder: string
  /** Proves to renew and release that it is this very lease; never given out again. */
  readonly token: string
  /** ISO 8601, by the clock of the machine that runs this program. */
  readonly expires: string
}

/** A hand-off that is under way: written down before it begins, so that whoever starts next can finish or undo it. */
export interface Move {
  readonly from: HostName
  readonly to: HostName
  readonly startedAt: string
  /** The destination is the primary now, whatever became of either host: from here on it is finished, until then undone. */
  readonly committed: boolean
  /** What the destination becomes the primary from; known once committed, of back ends that have snapshots. */
  readonly snapshot?: string
}

/** What is wanted of a dataset. What its copies are like is asked of the hosts. */
export interface Dataset {
  readonly version: 1
  /** Names its copies on the hosts; never given out again. */
  readonly id: string
  readonly name: string
  readonly maximumSizeBytes: number
  readonly backEnd: BackEndName
  /** The host that keeps the files, of back ends whose copies are ways to the same files. It stays when the dataset moves. */
  readonly home?: HostName
  /** The host whose copy may be written to. */
  readonly primary: HostName
  /** Of that copy: grows with every hand-off. */
  readonly epoch: number
  /** Whether it is to be mounted on the primary. */
  readonly attached: boolean
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAt: string
  /** It is being made, or unmade: an interruption of either ends with nothing left of it. */
  readonly passing?: 'creating' | 'destroying'
  readonly move?: Move
  readonly lease?: Lease
  /** Why the last move did not succeed; absent after one that did. */
  readonly failure?: string
}

export type DatasetState = 'attached' | 'detached' | 'moving' | 'failed'

/** In a word, and why. */
export function stateOf(dataset: Dataset): { readonly state: DatasetState; readonly reason: string } {
  const { move, failure, primary, attached } = dataset
  if (move !== undefined) {
    const step = move.committed ? 'handed over, the rest is to be tidied up' : 'not handed over yet'
    return { state: 'moving', reason: `from ${move.from} to ${move.to} since ${move.startedAt}: ${step}` }
  }
  if (failure !== undefined) return { state: 'failed', reason: failure }
  return attached
    ? { state: 'attached', reason: `to ${primary}` }
    : { state: 'detached', reason: `its copy on ${primary} is mounted nowhere` }
}

const namePattern = /^[a-z][a-z0-9-]{0,38}$/

/** @throws TestbedError (configuration) */
export function requireDatasetName(name: string): void {
  if (namePattern.test(name)) return
  throw new TestbedError('configuration', `"${name}" is no name of a dataset`, {
    hint: 'a lower-case letter, then lower-case letters, digits and hyphens: 39 characters at the most',
  })
}
