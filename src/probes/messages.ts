import type { Priority } from './priority.ts'
import type { Stall } from './stall-watch.ts'
import type { StreamsRequest } from './streams.ts'

/** What the probing process is asked to do. */
export interface ProcessRequest extends StreamsRequest {
  /** Absolute path of the `samples.ndjson.gz` to write. */
  readonly samplesFile: string
}

/** From the runner to the probing process. */
export type ToProcess =
  | { readonly kind: 'start'; readonly request: ProcessRequest }
  /** Answered with `connection-told`. */
  | { readonly kind: 'await-connection' }
  | { readonly kind: 'stop' }

/** From the probing process to the runner. */
export type FromProcess =
  /** It listens. */
  | { readonly kind: 'ready'; readonly priority: Priority }
  | { readonly kind: 'started'; readonly start: bigint }
  /** The kept connection was answered since that was asked, or has died. */
  | { readonly kind: 'connection-told' }
  /** The samples are on disk. `cpuMs` is the processor time that it used from its start to its stop. */
  | {
      readonly kind: 'stopped'
      readonly end: bigint
      readonly count: number
      readonly cpuMs: number
      readonly stalls: readonly Stall[]
    }
  | { readonly kind: 'failed'; readonly message: string }
