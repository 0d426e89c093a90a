import { readFile } from 'node:fs/promises'
import os from 'node:os'
import { type Argv, type LocalOptions, type LocalResult, lastLines, runLocal } from '../core/process.ts'

/** How this machine is looked at; replaced in tests. */
export interface MachineTools {
  run(argv: Argv, options?: LocalOptions): Promise<LocalResult>
  /** Undefined when there is no such file. */
  readText(path: string): Promise<string | undefined>
}

export const machineTools: MachineTools = {
  run: runLocal,
  readText: (path) => readFile(path, 'utf8').catch(() => undefined),
}

/** The machine that runs this program and with it the probes; what cannot be read is absent. */
export interface MachineDescription {
  readonly hostname: string
  readonly kernel: string
  readonly architecture: string
  readonly cpuModel: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly loadAverage: readonly number[]
  readonly clockSource?: string
  /** Of the first processor. */
  readonly frequencyGovernor?: string
  readonly sysctls: Readonly<Record<string, string>>
  /** Lines of `tc qdisc show`. */
  readonly queueDisciplines?: readonly string[]
}

/** Settings that decide how long a connection hangs, how many may wait, and what CRIU's pipes hold. */
const sysctlNames = [
  'fs.pipe-max-size',
  'fs.pipe-user-pages-soft',
  'kernel.randomize_va_space',
  'net.bridge.bridge-nf-call-iptables',
  'net.core.somaxconn',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_congestion_control',
  'net.ipv4.tcp_max_syn_backlog',
  'net.ipv4.tcp_retries2',
  'net.ipv4.tcp_syn_retries',
  'net.ipv4.tcp_syncookies',
  'vm.overcommit_memory',
  'vm.swappiness',
] as const

export async function describeMachine(
  signal: AbortSignal,
  tools: MachineTools = machineTools,
): Promise<MachineDescription> {
  const sysctls = await Promise.all(
    sysctlNames.map(async (name) => {
      const text = await tools.readText(`/proc/sys/${name.replaceAll('.', '/')}`)
      return text === undefined ? [] : [[name, text.trim().replaceAll('\t', ' ')] as const]
    }),
  )
  const clockSource = await tools.readText('/sys/devices/system/clocksource/clocksource0/current_clocksource')
  const governor = await tools.readText('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')
  const disciplines = await tools.run(['tc', 'qdisc', 'show'], { timeoutMs: 5000, signal })
  const cpus = os.cpus()
  return {
    hostname: os.hostname(),
    kernel: os.release(),
    architecture: os.machine(),
    cpuModel: cpus[0]?.model ?? 'unknown',
    cpus: cpus.length,
    memoryBytes: os.totalmem(),
    loadAverage: os.loadavg(),
    ...(clockSource === undefined ? {} : { clockSource: clockSource.trim() }),
    ...(governor === undefined ? {} : { frequencyGovernor: governor.trim() }),
    sysctls: Object.fromEntries(sysctls.flat()),
    ...(disciplines.exitCode === 0 ? { queueDisciplines: lastLines(disciplines.stdout, 100) } : {}),
  }
}
