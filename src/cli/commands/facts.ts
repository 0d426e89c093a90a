import { loadTestbed } from '../../config/testbed.ts'
import { humanSize } from '../../core/units.ts'
import type { Facts } from '../../hosts/facts.ts'
import { requireUp } from '../../testbed/open.ts'
import { columns, print, printJson } from '../output.ts'
import type { Session } from '../session.ts'

export async function facts(_: Session, options: { testbed: string; json?: boolean }): Promise<undefined> {
  const { value } = await loadTestbed(options.testbed)
  const { facts: known } = await requireUp(value.name)
  if (options.json === true) {
    printJson(known)
    return
  }
  const hosts = Object.entries(known)
  const described = hosts.map(([, one]) => describe(one))
  const names = [...new Set(described.flatMap((one) => [...one.keys()]))]
  const rows = names.map((name) => [name, ...described.map((one) => one.get(name) ?? '–')])
  print(columns([['', ...hosts.map(([name]) => name)], ...rows]))
}

function describe(one: Facts): Map<string, string> {
  const feature = (has: boolean) => (has ? 'yes' : 'no')
  return new Map([
    ['distribution', one.distribution],
    ['kernel', `${one.kernel} ${one.architecture}`],
    ['cpus', String(one.cpus)],
    ['memory', humanSize(one.memoryBytes)],
    ['cgroup', one.cgroup],
    ['init', one.init],
    ['clock source', one.clockSource],
    ...Object.entries(one.versions),
    ['docker experimental', one.docker === undefined ? '–' : feature(one.docker.experimental)],
    ['docker storage', one.docker?.storageDriver ?? '–'],
    ['queue disciplines', one.queueDisciplines.join(' ') || 'none'],
    ['limits of other users', feature(one.limitsOfOthers)],
    ['volumes by', one.volumeBackEnds.join(' ') || 'none'],
    ...Object.entries(one.criuFeatures).map(
      ([name, has]) => [`criu ${name}`, feature(has)] as [string, string],
    ),
  ])
}
