import type { HostName } from '../config/resolved.ts'

/** How a host is reached over SSH, as its provider tells. */
export interface HostAddress {
  readonly name: HostName
  /** Address and port that this machine connects to. */
  readonly host: string
  readonly port: number
  readonly user: string
  /** Local path of the private key. */
  readonly privateKey: string
  /** Pinned when the host was made: any other key is refused. `ssh-ed25519 AAAA…` */
  readonly hostKey: string
  /** Address on `mgmt`, for other hosts. */
  readonly mgmtAddress: string
}
