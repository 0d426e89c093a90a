/** What a host can do, measured there and never assumed. Absent means not installed. */
export interface Facts {
  readonly kernel: string
  readonly distribution: string
  readonly architecture: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly cgroup: 'v1' | 'v2' | 'hybrid'
  readonly init: 'systemd' | 'other'
  /** Program → version: docker, containerd, runc, criu, rsync, socat … */
  readonly versions: Readonly<Record<string, string>>
  readonly docker?: {
    readonly experimental: boolean
    readonly storageDriver: string
    readonly cgroupDriver: string
  }
  /** Every name that `criu check --feature` knows → whether this host has it. */
  readonly criuFeatures: Readonly<Record<string, boolean>>
  /** Queueing disciplines that the kernel offers: tbf, htb, netem. */
  readonly queueDisciplines: readonly string[]
  /** Whether its root may read the limits of other users' processes, without which CRIU cannot dump them. */
  readonly limitsOfOthers: boolean
  /** How it can keep copies of volumes: btrfs, rsync. */
  readonly volumeBackEnds: readonly string[]
  readonly clockSource: string
  /** What the host is a guest of, in systemd's words: `qemu` (emulated), `kvm`, `oracle`, `none` …; absent without systemd. */
  readonly virtualization?: string
}
