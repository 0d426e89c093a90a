/** What the files say once read, checked and completed: the only form that the rest of the program sees. */

export const providerNames = ['namespaces', 'qemu', 'ssh', 'vagrant'] as const
export type ProviderName = (typeof providerNames)[number]
export const componentNames = ['docker', 'criu', 'podman', 'volumes', 'nfs', 'zfs', 'kubernetes'] as const
export type ComponentName = (typeof componentNames)[number]
/** Where components come from; see schemas/testbed.schema.json. */
export interface ComponentSources {
  readonly docker: 'distribution' | 'docker'
  readonly criu: 'auto' | 'archive' | 'sid' | 'ppa'
  readonly kubernetes: 'auto' | 'modules' | 'k3s' | 'kubeadm'
}
/** A release of k3s in place of the pinned one, or a file in place of a download. */
export interface ResolvedK3s {
  readonly version?: string
  /** Of the program, 64 hexadecimal digits. */
  readonly sha256?: string
  /** Absolute path. */
  readonly file?: string
}
/** A release of kubeadm in place of the pinned one, or a folder in place of packages. */
export interface ResolvedKubeadm {
  /** `v1.34.4` */
  readonly version?: string
  /** Absolute path; holds kubeadm, kubelet and kubectl, and images.tar if there is no way to the images of the release. */
  readonly folder?: string
}
/** What a virtual machine is made of; providers without any ignore it. */
export interface ResolvedVm {
  readonly memoryBytes: number
  readonly cpus: number
  readonly diskBytes: number
  /** `auto`: KVM where a guest boots with it, else TCG. */
  readonly accelerator: 'auto' | 'kvm' | 'tcg'
  /** `tap` needs root; `user` needs nothing, and the client is not on the service network; `auto`: tap as root. */
  readonly network: 'auto' | 'tap' | 'user'
}
/** What provider vagrant takes. */
export interface ResolvedVagrant {
  readonly hypervisor: 'auto' | 'libvirt' | 'virtualbox'
  /** The hypervisor's default when absent. */
  readonly box?: string
  /** A version, or constraints: `>= 1.2, < 2`. */
  readonly boxVersion: string
}
export type HostName = string
export type TestbedName = string

export interface ResolvedNetwork {
  /** IPv4 network in CIDR form, host bits zero: `10.87.0.0/24`. */
  readonly subnet: string
  readonly prefixLength: number
  /** The address of the machine that runs this program, and with it of the client: the first usable one. */
  readonly machineAddress: string
}

export interface ResolvedHost {
  readonly name: HostName
  /** Without prefix length. */
  readonly mgmtAddress: string
  readonly serviceAddress: string
  /** With provider ssh: the machine that the host is. */
  readonly machine?: ResolvedMachine
}

/** A machine that exists already; whatever is absent is as ~/.ssh/config says. */
export interface ResolvedMachine {
  /** A name, an IP address or an alias. */
  readonly address: string
  readonly user?: string
  readonly port?: number
  /** Absolute path of the private key. */
  readonly identityFile?: string
  /** In place of ~/.ssh/config. */
  readonly configFile?: string
  /** As `ssh -J` takes it. */
  readonly jump?: string
  /** Absent: the address that SSH reaches. */
  readonly mgmtAddress?: string
  readonly serviceInterface: string
}

export interface ResolvedTestbed {
  readonly name: TestbedName
  /** Absolute path of the file that it was read from. */
  readonly file: string
  readonly provider: ProviderName | 'auto'
  readonly hosts: readonly ResolvedHost[]
  /** Experiments may power existing machines off. */
  readonly allowKill?: true
  readonly networks: {
    readonly mgmt: ResolvedNetwork
    /** The workload keeps `workloadAddress` (the last usable one) and `workloadMac` wherever it runs. */
    readonly service: ResolvedNetwork & { readonly workloadAddress: string; readonly workloadMac: string }
  }
  readonly components: readonly ComponentName[]
  readonly sources: ComponentSources
  readonly k3s: ResolvedK3s
  readonly kubeadm: ResolvedKubeadm
  /** A folder of `testbed/images/`, or `auto`: what that is stands with the provider. */
  readonly image: string
  readonly vm: ResolvedVm
  readonly vagrant: ResolvedVagrant
}

/** A value of an axis as written in the file: `redis`, `64MiB`, `200`. */
export type FactorValue = string | number
export type Factors = Readonly<Record<string, FactorValue>>

export interface ResolvedExperiment {
  readonly name: string
  readonly description?: string
  readonly file: string
  /** In the file's order; `toolchain` and `workload` are always among them. */
  readonly axes: readonly { readonly name: string; readonly values: readonly FactorValue[] }[]
  /** Whole cells added to the product of the axes. */
  readonly include: readonly Factors[]
  /** Partial cells: every cell that has all these values is left out. */
  readonly exclude: readonly Factors[]
  /** Blocks: one repetition of every cell each. */
  readonly repetitions: number
  /** Order of trials within blocks; drawn and stored in the plan when absent. */
  readonly seed?: number
  readonly windows: { readonly warmUpMs: number; readonly baselineMs: number; readonly settleMs: number }
  /** A trial that takes longer ends `timed-out`. Absent: what suits the hosts. */
  readonly deadlineMs?: number
  /** A rate that is absent is one that suits the hosts. */
  readonly probe: { readonly ratePerSecond?: number; readonly timeoutMs: number }
  /** Where no axis says otherwise. */
  readonly link?: ResolvedLink
}

/** What every host does to what it sends, by network; absent is as the network is. */
export interface ResolvedLink {
  readonly mgmt?: LinkConditions
  readonly service?: LinkConditions
}

export interface LinkConditions {
  readonly rateBitsPerSecond?: number
  /** One way. */
  readonly delayMs?: number
  /** Of 1. */
  readonly lossShare?: number
}

/** How an answer is told good, and what in it says which start of the workload answered and how far it had come. */
export type ProbeSpec =
  | {
      readonly protocol: 'http'
      readonly path: string
      readonly expectStatus: number
      /** JSON pointers into the body: `/identity` changes with every start, `/count` never goes back. */
      readonly identity?: string
      readonly sequence?: string
    }
  | {
      readonly protocol: 'redis'
      /** Each probe is `INCR key`: the answers are the sequence. */
      readonly sequenceKey: string
    }
  | {
      readonly protocol: 'postgres'
      readonly database: string
      readonly user: string
      /** Each probe is a row: their ids are the sequence. */
      readonly sequenceTable: string
    }

export interface ResolvedWorkload {
  readonly name: string
  readonly description?: string
  /** Absolute path of `workload.yaml`, and of the folder that holds it. */
  readonly file: string
  readonly folder: string
  readonly image:
    | {
        readonly kind: 'packages'
        readonly packages: readonly string[]
        /** Copied into the root file system; `source` is absolute, `mode` an octal string such as `0755`. */
        readonly files: readonly { readonly source: string; readonly target: string; readonly mode: string }[]
      }
    | { readonly kind: 'reference'; readonly reference: string }
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** TCP port that the workload listens on. */
  readonly port: number
  readonly probe: ProbeSpec
  /** Filled before the measurement, of the same kind as the probe: incompressible values until this much is held; `http` fills itself. */
  readonly state?:
    | { readonly kind: 'redis'; readonly sizeBytes: number; readonly valueBytes: number }
    | { readonly kind: 'postgres'; readonly sizeBytes: number; readonly rowBytes: number }
    | { readonly kind: 'http'; readonly sizeBytes: number; readonly path: string }
  /** A file that the workload only ever appends to: what was there before must be its beginning afterwards. */
  readonly appendedFile?: string
  /** A list as sha256sum writes it, only ever appended to: every file in it must be there with that content afterwards. */
  readonly manifest?: string
  /** Mounted at `path` in the container, and moved by the volumes' own engine. */
  readonly volumes?: readonly {
    readonly name: string
    readonly path: string
    readonly maximumSizeBytes: number
  }[]
  /** Whether its processes run as another user than the container's root. */
  readonly leavesRoot: boolean
  /** What tells it to end: `SIGTERM`. */
  readonly stopSignal: string
  /** How long after its start the first good answer may take. */
  readonly readyTimeoutMs: number
}
