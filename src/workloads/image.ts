/** A workload's root file system as an image that every engine can load, under one ID everywhere. */
export interface WorkloadImage {
  /** Image ID as Docker shows it: `sha256:…`, the digest of the image's configuration. */
  readonly id: string
  /** `migration-testbed/<workload>:<digest>`. */
  readonly name: string
  /** Absolute path of a `docker load`able archive in the cache. */
  readonly archive: string
  readonly bytes: number
}
