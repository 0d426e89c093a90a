import { runChecked } from '../hosts/checked.ts'
import type { Facts } from '../hosts/facts.ts'
import type { Host } from '../hosts/host.ts'
import { remoteFolder } from './scripts.ts'

/** Reads what a host can do, there. `provision/` has to be on it. */
export async function readFacts(host: Host, signal: AbortSignal): Promise<Facts> {
  const { stdout } = await runChecked(host, ['sh', `${remoteFolder}/facts.sh`], {
    what: 'facts',
    timeoutMs: 60_000,
    signal,
  })
  return parseFacts(stdout)
}

/** @param text `name<TAB>value` lines as `provision/facts.sh` prints them */
export function parseFacts(text: string): Facts {
  const facts = new Map<string, string>()
  for (const line of text.split('\n')) {
    const tab = line.indexOf('\t')
    if (tab > 0) facts.set(line.slice(0, tab), line.slice(tab + 1).trim())
  }
  const below = (prefix: string) =>
    [...facts].flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
    )
  const textOf = (name: string) => facts.get(name) ?? 'unknown'
  const cgroup = facts.get('cgroup')
  const storageDriver = facts.get('docker.storageDriver')
  const virtualization = facts.get('virtualization')
  return {
    kernel: textOf('kernel'),
    distribution: textOf('distribution'),
    architecture: textOf('architecture'),
    cpus: Number(facts.get('cpus') ?? 0),
    memoryBytes: Number(facts.get('memoryBytes') ?? 0),
    cgroup: cgroup === 'v2' || cgroup === 'hybrid' ? cgroup : 'v1',
    init: facts.get('init') === 'systemd' ? 'systemd' : 'other',
    versions: Object.fromEntries(below('version.')),
    ...(storageDriver === undefined
      ? {}
      : {
          docker: {
            experimental: facts.get('docker.experimental') === 'true',
            storageDriver,
            cgroupDriver: textOf('docker.cgroupDriver'),
          },
        }),
    criuFeatures: Object.fromEntries(below('criu.').map(([name, value]) => [name, value === 'yes'])),
    queueDisciplines: below('qdisc.').map(([name]) => name),
    limitsOfOthers: facts.get('limitsOfOthers') === 'yes',
    volumeBackEnds: below('volumes.').map(([name]) => name),
    clockSource: textOf('clockSource'),
    ...(virtualization === undefined ? {} : { virtualization }),
  }
}
