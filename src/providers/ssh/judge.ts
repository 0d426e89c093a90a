import type { ResolvedHost, ResolvedTestbed } from '../../config/resolved.ts'
import { humanSize } from '../../core/units.ts'
import { overlap } from '../overlap.ts'
import type { Conflict } from '../provider.ts'
import type { Survey } from './survey.ts'

/** Distributions that the components know how to install on. */
const supported: Readonly<Record<string, readonly string[]>> = { debian: ['13'], ubuntu: ['24.04'] }
const leastFreeBytes = 3 * 2 ** 30

export interface Judged {
  readonly testbed: ResolvedTestbed
  /** Of this testbed, as machines that belong to it have it. */
  readonly id: string
  readonly surveys: readonly Survey[]
  /** Of the machine that this program, and with it the client, runs on. */
  readonly ownMachineId: string
}

/** What on existing machines cannot work, each with its place in the testbed's file. Nothing was changed yet. */
export function judgeMachines(judged: Judged): Conflict[] {
  return judged.testbed.hosts.flatMap((host, index) => {
    const survey = judged.surveys.find(({ name }) => name === host.name)
    if (survey === undefined) return []
    return [
      ...identityConflicts(judged, survey, index),
      ...machineConflicts(survey, index),
      ...serviceConflicts(judged, host, survey, index),
    ]
  })
}

function identityConflicts({ surveys, ownMachineId, id }: Judged, survey: Survey, index: number): Conflict[] {
  const pointer = ['hosts', index, 'address']
  const twin = surveys.find(
    ({ name, machineId }) => name !== survey.name && machineId === survey.machineId && machineId !== '',
  )
  if (twin !== undefined) {
    const message = `${survey.name} and ${twin.name} are the same machine (machine-id ${survey.machineId})`
    const hint =
      'give each host a machine of its own; clones get an identity with: rm /etc/machine-id && systemd-machine-id-setup'
    return [{ pointer, message, hint }]
  }
  if (survey.machineId !== '' && survey.machineId === ownMachineId) {
    const message = `${survey.name} is the machine that this program runs on, where the client has to be`
    return [{ pointer, message, hint: 'run the program on a machine that is none of the hosts' }]
  }
  const { owner } = survey
  if (owner !== undefined && !owner.startsWith(`${id} `)) {
    const message = `${survey.name} belongs to testbed ${owner.split(' ').slice(1).join(' ')} already`
    const hint =
      'take that one down first; if it is gone for ever: rm -r /var/lib/migration-testbed on the host'
    return [{ pointer, message, hint }]
  }
  return []
}

function machineConflicts(survey: Survey, index: number): Conflict[] {
  const { name, distribution, version, freeBytes, address } = survey
  const conflicts: Conflict[] = []
  if (supported[distribution]?.includes(version) !== true) {
    const known = Object.entries(supported).map(([id, versions]) => `${id} ${versions.join(' or ')}`)
    const message = `${name} runs ${distribution === '' ? 'no known distribution' : `${distribution} ${version}`}`
    conflicts.push({
      pointer: ['hosts', index, 'address'],
      message,
      hint: `hosts run ${known.join(', or ')}`,
    })
  }
  if (freeBytes < leastFreeBytes) {
    const message = `${name} has ${humanSize(freeBytes)} free in /var/lib, ${humanSize(leastFreeBytes)} are needed`
    conflicts.push({ pointer: ['hosts', index, 'address'], message, hint: 'make room on that machine' })
  }
  const own = survey.links.flatMap(({ addresses }) => addresses.map((one) => one.split('/')[0]))
  if (!own.includes(address.mgmtAddress)) {
    const message = `${name} does not have the address ${address.mgmtAddress} itself`
    const hint = `write the address under which other hosts reach it as mgmtAddress; it has ${own.join(', ')}`
    conflicts.push({ pointer: ['hosts', index, 'mgmtAddress'], message, hint })
  }
  return conflicts
}

/** The NIC that becomes a port of svc0 must serve nobody else, above all not this very connection. */
function serviceConflicts(
  { testbed }: Judged,
  host: ResolvedHost,
  survey: Survey,
  index: number,
): Conflict[] {
  const nic = host.machine?.serviceInterface ?? ''
  const pointer = ['hosts', index, 'serviceInterface']
  const conflict = (message: string, hint: string): Conflict[] => [{ pointer, message, hint }]
  const link = survey.links.find(({ name }) => name === nic)
  const names = survey.links.map(({ name }) => name).filter((name) => name !== 'lo')
  if (link === undefined)
    return conflict(`${survey.name} has no interface ${nic}`, `it has ${names.join(', ')}`)
  const carries = (address: string) => link.addresses.some((one) => one.split('/')[0] === address)
  const leads = survey.routes.filter((route) => route.link === nic).map(({ destination }) => destination)
  const other = 'name a NIC of its own, a VLAN on one (eth0.88) or a tunnel (vxlan) that leads to the client'
  if (carries(survey.session.address) || carries(survey.address.mgmtAddress) || leads.includes('default')) {
    return conflict(`${nic} of ${survey.name} carries the SSH connection or its default route`, other)
  }
  if (link.addresses.length > 0) {
    const addresses = link.addresses.join(', ')
    return conflict(
      `${nic} of ${survey.name} has the address ${addresses}, which it would lose as a port of svc0`,
      `take another NIC, or give that one up: ip addr flush dev ${nic} (and in the machine's own configuration)`,
    )
  }
  const ours = survey.owner !== undefined
  if (link.master !== undefined && !(ours && link.master === 'svc0')) {
    return conflict(`${nic} of ${survey.name} is a port of ${link.master} already`, other)
  }
  if (!ours && names.includes('svc0')) {
    return conflict(`${survey.name} has an interface svc0 that no testbed made`, 'remove or rename it')
  }
  const { subnet } = testbed.networks.service
  const taken = survey.routes.find(
    ({ destination, link: through }) =>
      through !== 'svc0' && destination !== 'default' && overlap(destination, subnet),
  )
  if (taken === undefined) return []
  const message = `${subnet} overlaps ${taken.destination}, which ${survey.name} reaches through ${taken.link}`
  return [
    { pointer: ['networks', 'service', 'subnet'], message, hint: 'choose another subnet, on the client too' },
  ]
}
