import type {
  ComponentName,
  ComponentSources,
  ProviderName,
  ResolvedK3s,
  ResolvedKubeadm,
  ResolvedVagrant,
  ResolvedVm,
} from './resolved.ts'

/** The three documents once their schema has held and its defaults are in; a test keeps them equal to schemas/. */

export interface TestbedDocument {
  readonly name: string
  readonly provider: ProviderName | 'auto'
  readonly hosts: number | readonly HostDocument[]
  readonly ssh?: LoginDocument & { readonly configFile?: string; readonly allowKill: boolean }
  readonly networks: { readonly mgmt: NetworkDocument; readonly service: NetworkDocument }
  readonly components: readonly ComponentName[]
  readonly sources: ComponentSources
  readonly k3s: ResolvedK3s
  readonly kubeadm: ResolvedKubeadm
  readonly image: string
  readonly vm: {
    readonly memory: string
    readonly cpus: number
    readonly disk: string
    readonly accelerator: ResolvedVm['accelerator']
    readonly network: ResolvedVm['network']
  }
  readonly vagrant: ResolvedVagrant
}

export interface HostDocument extends LoginDocument {
  readonly name: string
  readonly address?: string
  readonly mgmtAddress?: string
}

interface LoginDocument {
  readonly user?: string
  readonly port?: number
  readonly identityFile?: string
  readonly jump?: string
  readonly serviceInterface?: string
}

interface NetworkDocument {
  readonly subnet: string
}

/** A single value stands for a list of one. */
export type AxisDocument = string | readonly string[]
export type AxisName =
  | 'toolchain'
  | 'workload'
  | 'stateSize'
  | 'dirtyRate'
  | 'transfer'
  | 'compression'
  | 'gracePeriod'
  | 'failover'
  | 'probeRate'
  | LinkAxisName
/** `mgmtRate`, `serviceLoss` …: one of the conditions of `link`. */
export type LinkAxisName = `${keyof LinkDocument}${'Rate' | 'Delay' | 'Loss'}`
export type CellDocument = { readonly [Name in AxisName]?: string }

export interface ExperimentDocument {
  readonly name: string
  readonly description?: string
  readonly axes: { readonly [Name in AxisName]?: AxisDocument }
  readonly include: readonly CellDocument[]
  readonly exclude: readonly CellDocument[]
  readonly repetitions: number
  readonly seed?: number
  readonly windows: { readonly warmUp: string; readonly baseline: string; readonly settle: string }
  readonly deadline?: string
  readonly probe: { readonly rate?: string; readonly timeout: string }
  readonly link?: LinkDocument
}

/** Networks → what holds on them. */
export interface LinkDocument {
  readonly mgmt?: LinkConditionsDocument
  readonly service?: LinkConditionsDocument
}

export interface LinkConditionsDocument {
  readonly rate?: string
  readonly delay?: string
  readonly loss?: string
}

export interface WorkloadDocument {
  readonly name: string
  readonly description?: string
  readonly image:
    | string
    | {
        readonly packages: readonly string[]
        readonly files: readonly { readonly source: string; readonly target: string; readonly mode: string }[]
      }
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly port: number
  readonly probe: {
    readonly http?: {
      readonly path: string
      readonly expectStatus: number
      readonly identity?: string
      readonly sequence?: string
    }
    readonly redis?: { readonly sequenceKey: string }
    readonly postgres?: { readonly database: string; readonly user: string; readonly sequenceTable: string }
  }
  readonly state?: {
    readonly http?: { readonly path: string; readonly size: string }
    readonly redis?: { readonly size: string; readonly valueSize: string }
    readonly postgres?: { readonly size: string; readonly rowSize: string }
  }
  readonly appendedFile?: string
  readonly manifest?: string
  readonly leavesRoot: boolean
  readonly stopSignal: string
  readonly volumes?: readonly { readonly name: string; readonly path: string; readonly size: string }[]
  readonly readyTimeout: string
}
