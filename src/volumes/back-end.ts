import type { Facts } from '../hosts/facts.ts'
import type { Host } from '../hosts/host.ts'
import type { Dataset } from './dataset.ts'

/** From the one that is taken first. */
export const backEndNames = ['btrfs', 'zfs', 'rsync', 'nfs'] as const
export type BackEndName = (typeof backEndNames)[number]

/** Brings the destination's copy of one dataset in line with the source's, pass after pass. */
export interface Push {
  /**
   * One pass: of everything, or of what has changed since the last one. The pass that is `final` is made when nothing writes any
   * more; what it brings over is all that there is.
   */
  pass(options: {
    readonly final: boolean
    readonly signal: AbortSignal
  }): Promise<{ readonly bytes: number }>
  /** What the destination becomes the primary from, after the final pass. */
  readonly snapshot: string
  /** Lets go of what listens; both copies stay as they are. */
  close(): void
}

export interface PushOptions {
  readonly source: Host
  readonly destination: Host
  readonly dataset: Dataset
  readonly signal: AbortSignal
}

/** A way of keeping and sending copies; what it does on hosts is in `provision/volumes/NAME.sh`. */
export interface BackEnd {
  readonly name: BackEndName
  /** Whether a dataset cannot grow beyond its maximum size. */
  readonly quota: boolean
  /** All copies are ways to the same files, which one host keeps and serves to the primary alone: nothing is sent. */
  readonly shared: boolean
  /** Copies of this dataset are made ready on both hosts before. */
  openPush(options: PushOptions): Promise<Push>
  /** Removes what passes leave behind on either host, but for what the next move can begin from. */
  tidy(hosts: readonly Host[], dataset: Dataset, signal: AbortSignal): Promise<void>
}

/** Whether a host can keep copies so. */
export function offers(facts: Facts, name: BackEndName): boolean {
  return facts.volumeBackEnds.includes(name)
}
