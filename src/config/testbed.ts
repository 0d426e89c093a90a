import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { parseSize } from '../core/units.ts'
import { macOf, overlap, parseSubnet, type Subnet, usableAddress } from './addresses.ts'
import { attempt, checkAmount, type Loaded, loadDocument, type Report, type Rule, valid } from './document.ts'
import type { TestbedDocument } from './documents.ts'
import { checkMachines, resolveMachine } from './machines.ts'
import { configurationFile, projectFolders } from './paths.ts'
import { unknownName } from './problems.ts'
import type {
  ResolvedK3s,
  ResolvedKubeadm,
  ResolvedNetwork,
  ResolvedTestbed,
  ResolvedVm,
} from './resolved.ts'
import type { Pointer } from './yaml-document.ts'

/**
 * Loads a testbed by bare name (a file of testbed/) or by path.
 * Throws one configuration error with everything that is wrong in the file.
 */
export async function loadTestbed(argument: string): Promise<Loaded<ResolvedTestbed>> {
  const file = configurationFile(argument, projectFolders.testbeds)
  const { content, fault } = await loadDocument(file, 'testbed', rules)
  return { value: resolve(content, file), fault }
}

const rules: readonly Rule<TestbedDocument>[] = [
  { reads: ['hosts'], check: ({ hosts }, report) => checkHosts(hosts, report) },
  { reads: ['provider', 'hosts', 'ssh'], check: checkMachines },
  { reads: ['networks'], check: checkNetworks },
  { reads: ['networks', 'hosts'], check: checkRoom },
  {
    reads: ['vm'],
    check: ({ vm }, report) => {
      checkAmount(report, ['vm', 'memory'], vm.memory, parseSize, ['256MiB', '1024GiB'])
      checkAmount(report, ['vm', 'disk'], vm.disk, parseSize, ['2GiB', '1024GiB'])
    },
  },
  { reads: ['k3s'], check: checkK3s },
  { reads: ['kubeadm'], check: checkKubeadm },
  {
    reads: ['image'],
    check: async ({ image }, report) => {
      const entries = await readdir(projectFolders.images, { withFileTypes: true })
      const images = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
      if (image !== 'auto' && !images.includes(image)) {
        report(
          ['image'],
          `there is no image "${image}" in testbed/images/`,
          unknownName(image, ['auto', ...images.sort()]),
        )
      }
    },
  },
]

function checkHosts(hosts: TestbedDocument['hosts'], report: Report): void {
  const names = hostNames(hosts)
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index) report(['hosts', index, 'name'], `host "${name}" stands twice`)
  }
}

function checkNetworks(
  { networks }: TestbedDocument,
  report: Report,
  written: (pointer: Pointer) => boolean,
): void {
  const place = (name: 'mgmt' | 'service'): Pointer => ['networks', name, 'subnet']
  const mgmt = attempt(report, place('mgmt'), () => parseSubnet(networks.mgmt.subnet))
  const service = attempt(report, place('service'), () => parseSubnet(networks.service.subnet))
  if (mgmt !== undefined && service !== undefined && overlap(mgmt, service)) {
    const shown = written(place('service')) ? place('service') : place('mgmt')
    report(shown, `the service network ${service.text} overlaps the mgmt network ${mgmt.text}`, {
      hint: 'give each network a subnet of its own',
    })
  }
}

function checkRoom({ networks, hosts }: TestbedDocument, report: Report): void {
  const count = hostNames(hosts).length
  // This machine is on both networks, the workload on the service network.
  const needs = { mgmt: count + 1, service: count + 2 }
  for (const name of ['mgmt', 'service'] as const) {
    const { subnet: text } = networks[name]
    // What is wrong with the subnet itself is told above.
    const subnet = valid(() => parseSubnet(text))
    if (subnet !== undefined && subnet.usable < needs[name]) {
      const message = `${subnet.text} has ${subnet.usable} addresses, ${needs[name]} are needed`
      report(['networks', name, 'subnet'], message, { hint: 'take a shorter prefix or fewer hosts' })
    }
  }
}

/** Names as listed, or host-a, host-b … for a number. */
function hostNames(hosts: TestbedDocument['hosts']): readonly string[] {
  if (typeof hosts !== 'number') return hosts.map(({ name }) => name)
  return Array.from({ length: hosts }, (_, index) => `host-${String.fromCharCode('a'.charCodeAt(0) + index)}`)
}

function resolve(document: TestbedDocument, file: string): ResolvedTestbed {
  const mgmt = parseSubnet(document.networks.mgmt.subnet)
  const service = parseSubnet(document.networks.service.subnet)
  const workloadAddress = usableAddress(service, service.usable - 1)
  const machines = resolveMachine(document, file)
  return {
    name: document.name,
    file,
    provider: document.provider,
    hosts: hostNames(document.hosts).map((name, index) => ({
      name,
      mgmtAddress: usableAddress(mgmt, index + 1),
      serviceAddress: usableAddress(service, index + 1),
      ...machines(index),
    })),
    ...(document.ssh?.allowKill === true ? { allowKill: true as const } : {}),
    networks: {
      mgmt: resolveNetwork(mgmt),
      service: { ...resolveNetwork(service), workloadAddress, workloadMac: macOf(workloadAddress) },
    },
    components: document.components,
    sources: document.sources,
    k3s: resolveK3s(document.k3s, file),
    kubeadm: resolveKubeadm(document.kubeadm, file),
    image: document.image,
    vm: resolveVm(document.vm),
    vagrant: document.vagrant,
  }
}

function checkK3s({ k3s }: TestbedDocument, report: Report): void {
  if (k3s.version !== undefined && k3s.sha256 === undefined) {
    report(['k3s', 'version'], 'a version of k3s needs the SHA-256 of its program', {
      hint: 'write sha256 beside it: the vendor publishes it as sha256sum-amd64.txt and sha256sum-arm64.txt of the release',
    })
  }
}

function resolveK3s({ file: program, ...rest }: TestbedDocument['k3s'], file: string): ResolvedK3s {
  return { ...rest, ...(program === undefined ? {} : { file: path.resolve(path.dirname(file), program) }) }
}

function checkKubeadm({ kubeadm }: TestbedDocument, report: Report): void {
  if (kubeadm.version !== undefined && kubeadm.folder !== undefined) {
    report(['kubeadm', 'version'], 'programs of a folder have the version that they have', {
      hint: 'leave out version, which is for packages, or folder',
    })
  }
}

function resolveKubeadm({ folder, ...rest }: TestbedDocument['kubeadm'], file: string): ResolvedKubeadm {
  return { ...rest, ...(folder === undefined ? {} : { folder: path.resolve(path.dirname(file), folder) }) }
}

function resolveVm({ memory, disk, ...rest }: TestbedDocument['vm']): ResolvedVm {
  return { memoryBytes: parseSize(memory), diskBytes: parseSize(disk), ...rest }
}

function resolveNetwork(subnet: Subnet): ResolvedNetwork {
  return {
    subnet: subnet.text,
    prefixLength: subnet.prefixLength,
    machineAddress: usableAddress(subnet, 0),
  }
}
