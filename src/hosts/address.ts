import type { HostName } from '../config/resolved.ts'

/** An SSH server and how to log in to it. */
export interface SshEndpoint {
  /** Address and port that this machine, or the jump host before it, connects to. */
  readonly host: string
  readonly port: number
  readonly user: string
  /** Local path of the private key; absent where the agent's keys do. */
  readonly privateKey?: string
  /** Socket of an ssh-agent that holds a key; `SSH_AUTH_SOCK` stands for the one that the environment names. */
  readonly agent?: string
  /** Pinned when the host was made or first seen: any other key is refused. `ssh-ed25519 AAAA…` */
  readonly hostKey: string
}

/** How a host is reached over SSH, as its provider tells. */
export interface HostAddress extends SshEndpoint {
  readonly name: HostName
  /** Address on `mgmt`, for other hosts. */
  readonly mgmtAddress: string
  /** Hosts that the connection goes through, the nearest first. */
  readonly jumps?: readonly SshEndpoint[]
  /** The user is not root: commands and files go through `sudo -n`. */
  readonly sudo?: boolean
}
