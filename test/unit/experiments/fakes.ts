import type {
  ProbeSpec,
  ResolvedExperiment,
  ResolvedTestbed,
  ResolvedWorkload,
} from '../../../src/config/resolved.ts'
import { TestbedError } from '../../../src/core/errors.ts'
import type { RunDependencies, StateJudgement } from '../../../src/experiments/dependencies.ts'
import { describeLink } from '../../../src/experiments/link.ts'
import type { Observation } from '../../../src/experiments/observation.ts'
import type { Facts } from '../../../src/hosts/facts.ts'
import type { Host } from '../../../src/hosts/host.ts'
import type { Recording } from '../../../src/probes/session.ts'
import type { RunningTestbed } from '../../../src/testbed/running.ts'
import type { Keeps, Toolchain } from '../../../src/toolchains/toolchain.ts'
import { createFakeClock, type FakeClock } from './fake-clock.ts'

export const facts: Facts = {
  kernel: '6.18.0',
  distribution: 'Debian 13',
  architecture: 'x86_64',
  cpus: 2,
  memoryBytes: 2 ** 32,
  cgroup: 'v1',
  init: 'other',
  versions: { docker: '26.1.5' },
  criuFeatures: {},
  queueDisciplines: [],
  limitsOfOthers: true,
  volumeBackEnds: [],
  clockSource: 'tsc',
}

export const resolvedTestbed: ResolvedTestbed = {
  name: 'pair',
  file: '/testbed/pair.yaml',
  provider: 'namespaces',
  hosts: ['host-a', 'host-b'].map((name, i) => ({
    name,
    mgmtAddress: `10.87.0.${i + 2}`,
    serviceAddress: `10.88.0.${i + 2}`,
  })),
  networks: {
    mgmt: { subnet: '10.87.0.0/24', prefixLength: 24, machineAddress: '10.87.0.1' },
    service: {
      subnet: '10.88.0.0/24',
      prefixLength: 24,
      machineAddress: '10.88.0.1',
      workloadAddress: '10.88.0.254',
      workloadMac: '02:42:0a:58:00:fe',
    },
  },
  components: ['docker', 'criu'],
  sources: { docker: 'distribution', criu: 'auto', kubernetes: 'auto' },
  k3s: {},
  kubeadm: {},
  image: 'debian-13',
  vm: { memoryBytes: 2 ** 30, cpus: 2, diskBytes: 8 * 2 ** 30, accelerator: 'auto', network: 'auto' },
  vagrant: { hypervisor: 'auto', boxVersion: '>= 0' },
}

export function experiment(parts: Partial<ResolvedExperiment> = {}): ResolvedExperiment {
  return {
    name: 'quickstart',
    file: '/experiments/quickstart.yaml',
    axes: [
      { name: 'toolchain', values: ['docker-commit', 'docker-checkpoint'] },
      { name: 'workload', values: ['counter', 'redis'] },
    ],
    include: [],
    exclude: [],
    repetitions: 2,
    seed: 7,
    windows: { warmUpMs: 500, baselineMs: 2000, settleMs: 1500 },
    deadlineMs: 120_000,
    probe: { ratePerSecond: 200, timeoutMs: 5000 },
    ...parts,
  }
}

function workload(name: string): ResolvedWorkload {
  const probe: ProbeSpec = { protocol: 'http', path: '/', expectStatus: 200 }
  return {
    name,
    file: `/workloads/${name}/workload.yaml`,
    folder: `/workloads/${name}`,
    image: { kind: 'packages', packages: [], files: [] },
    command: ['/bin/serve'],
    environment: {},
    port: 8080,
    probe,
    leavesRoot: false,
    stopSignal: 'SIGTERM',
    readyTimeoutMs: 5000,
  }
}

const state: ResolvedWorkload['state'] = { kind: 'redis', sizeBytes: 2 ** 25, valueBytes: 2 ** 16 }

export const workloads = [workload('counter'), { ...workload('redis'), state }]

const goodObservation: Observation = {
  metrics: { serviceDowntimeMs: 300, failedRequests: 60, lostRequestSeconds: 0.3, resolutionMs: 5 },
  restored: true,
  connection: 'survived',
  continuity: { answers: 100, rolledBack: 0, furthestBack: 0 },
}

const goodState: StateJudgement = { memory: 'kept', files: 'kept', findings: [] }

export interface World {
  /** Everything that was done, in order. */
  readonly calls: string[]
  readonly clock: FakeClock
  readonly testbed: RunningTestbed
  readonly toolchains: readonly Toolchain[]
  readonly dependencies: RunDependencies
}

export interface WorldOptions {
  /** Called with everything that is done, when it is done; may throw or never end. */
  readonly on?: (call: string, signal: AbortSignal | undefined, world: World) => unknown
  readonly observation?: Partial<Observation> | (() => Partial<Observation>)
  readonly state?: Partial<StateJudgement>
  readonly keeps?: Keeps
  /** What is left on the hosts, as `host: what`; each check takes the next one, none when there are no more. */
  readonly residues?: string[][]
  readonly unsupported?: string
  /** Whoever writes to the state cannot keep its rate. */
  readonly slowWriter?: true
}

/** A testbed, toolchains, probes and workloads that do nothing but say what was asked of them. */
export function createWorld(options: WorldOptions = {}): World {
  const calls: string[] = []
  const act = async (call: string, signal?: AbortSignal): Promise<void> => {
    calls.push(call)
    await options.on?.(call, signal, world)
  }
  const clock = createFakeClock((ms) => calls.push(`sleep ${ms}`))
  const makeHosts = (): Host[] => resolvedTestbed.hosts.map(({ name }) => fakeHost(name))
  let hosts = makeHosts()
  const testbed: RunningTestbed = {
    testbed: resolvedTestbed,
    provider: 'namespaces',
    get hosts() {
      return hosts
    },
    reset: async (names, signal) => {
      await act(`reset ${names.join(' ')}`, signal)
      hosts = makeHosts()
    },
    close: async () => undefined,
  }
  const residues = [...(options.residues ?? [])]
  const dependencies: RunDependencies = {
    clock,
    random: () => 0.5,
    prepareForVolumes: async () => {},
    prepareImage: async ({ name }, { signal }) => {
      await act(`prepare ${name}`, signal)
      return { id: `sha256:${name}`, name, archive: `/cache/${name}.tar`, bytes: 1 }
    },
    loadImage: (host, image, signal) => act(`load ${image.name} on ${host.name}`, signal),
    takeBaseline: async (_hosts, signal) => {
      await act('baseline of hosts', signal)
      return {
        residue: async (_asked, within) => {
          await act('check clean', within)
          return (residues.shift() ?? []).map((text) => {
            const [host = '', what = ''] = text.split(/: (.*)/s)
            return { host, what }
          })
        },
      }
    },
    collectEnvironment: async (_testbed, signal) => {
      await act('environment', signal)
      return { provider: 'namespaces', accelerator: 'none' }
    },
    writeReports: () => act('reports'),
    waitUntilAnswering: (_target, _spec, _timeoutMs, signal) => act('wait until answering', signal),
    fillState: (each, _address, { sizeBytes, signal }) =>
      act(`fill ${each.name}${sizeBytes === undefined ? '' : ` ${sizeBytes}`}`, signal),
    startWriter: async (each, _address, { bytesPerSecond, signal }) => {
      await act(`write to ${each.name} ${bytesPerSecond}`, signal)
      return {
        check: () => {
          if (options.slowWriter === true) throw new TestbedError('trial', 'the state is not written to')
        },
        stop: async () => {
          await act('stop writing')
          return { bytes: 1 }
        },
      }
    },
    links: {
      set: (_hosts, link, signal) => act(`set links: ${describeLink(link)}`, signal),
      check: (_hosts, _link, signal) => act('check links', signal),
      clear: (_hosts, signal) => act('clear links', signal),
    },
    startProbes: async (probe, signal) => {
      await act(`start probes ${probe.ratePerSecond}/s`, signal)
      return {
        start: clock.monotonicNs(),
        priority,
        connectionTold: () => act('wait for the connection'),
        stop: async () => {
          await act('stop probes', signal)
          return recordingAt(clock.monotonicNs())
        },
      }
    },
    observe: () => {
      const { observation } = options
      return { ...goodObservation, ...(typeof observation === 'function' ? observation() : observation) }
    },
    takeEvidence: async (_workload, _running, { signal }) => {
      await act('take evidence', signal)
      return {
        judge: async (_moved, _observed, within) => {
          await act('judge state', within)
          return { ...goodState, ...options.state }
        },
      }
    },
  }
  const toolchains = ['docker-commit', 'docker-checkpoint'].map((name) => fakeToolchain(name, options, act))
  const world: World = { calls, clock, testbed, toolchains, dependencies }
  return world
}

function fakeToolchain(
  name: string,
  options: WorldOptions,
  act: (call: string, signal?: AbortSignal) => Promise<void>,
): Toolchain {
  return {
    name,
    keeps: options.keeps ?? { memory: true, files: true, connections: false },
    supports: () => {
      if (options.unsupported === undefined) return undefined
      return { at: 'destination', feature: options.unsupported, message: 'the kernel has it switched off' }
    },
    deploy: async (context) => {
      await act(`deploy ${name}`, context.signal)
      const address = { host: context.service.address, port: context.service.port }
      return { host: context.source, pid: 10, address, container: 'one' }
    },
    migrate: async (context, deployment, timeline) => {
      await timeline.phase('checkpoint', () => act('checkpoint', context.signal))
      await timeline.phase('restore', () => act('restore', context.signal))
      const moved = { ...deployment, host: context.destination, pid: 20 }
      return { deployment: moved, transferredBytes: 4096, figures: async () => ({ frozenMs: 200 }) }
    },
    remove: (context) => act(`remove ${name} of ${context.trial.slice(0, 3)}`, context.signal),
  }
}

const priority = { nice: 0, realTime: false }

function recordingAt(end: bigint): Recording {
  const health = { due: 100, sent: 100, lateP50Ms: 0.1, lateP99Ms: 1, lateMaxMs: 2, stallMaxMs: 0 }
  return { samples: [], start: 0n, end, health, stalls: [], connectionRatePerSecond: 50, priority, cpuMs: 10 }
}

function fakeHost(name: string): Host {
  const unused = () => Promise.reject(new Error('a fake host runs nothing'))
  return {
    name,
    address: '10.87.0.2',
    facts,
    run: unused,
    stream: unused,
    put: unused,
    get: unused,
    close: () => undefined,
  }
}

/** Never ends by itself; rejects when told to stop, as everything that runs on a host does. */
export function hang(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted === true) reject(signal.reason)
    signal?.addEventListener('abort', () => reject(signal.reason))
  })
}

/** Acts when something that begins with `call` is done for the n-th time. */
export function atCall(
  call: string,
  n: number,
  act: NonNullable<WorldOptions['on']>,
): NonNullable<WorldOptions['on']> {
  let seen = 0
  return (done, signal, world) =>
    done.startsWith(call) && ++seen === n ? act(done, signal, world) : undefined
}
