import { macOf } from '../../config/addresses.ts'
import type { HostName, ResolvedHost, ResolvedTestbed } from '../../config/resolved.ts'
import { natMac, serviceCardMac } from '../qemu/machine.ts'
import type { VagrantNames } from './names.ts'

export type HypervisorName = 'libvirt' | 'virtualbox'

/** What the Vagrantfile reads, and all that it knows: `testbed/vagrant.json` is one of these, for plain `vagrant up`. */
export interface Machines {
  readonly prefix: string
  readonly bootTimeoutSeconds: number
  readonly memoryMiB: number
  readonly cpus: number
  readonly virtualbox: Box
  readonly libvirt: Box & {
    readonly uri: string
    readonly driver: 'kvm' | 'qemu'
    readonly cpuMode: 'host-passthrough' | 'maximum'
    readonly machineType: 'q35'
    /** Vagrant's own connection to its machines; isolated. */
    readonly network: { readonly name: string; readonly address: string }
  }
  readonly hosts: readonly Machine[]
  /** Below provision/, run in this order; none where the tool provisions. */
  readonly scripts: readonly string[]
}

interface Box {
  readonly box: string
  readonly boxVersion: string
}

interface Machine {
  readonly name: HostName
  readonly machine: string
  readonly networks: readonly MachineNetwork[]
  /** Without colons, as VirtualBox takes it. */
  readonly natMac: string
  /** On Vagrant's own network: with the same one the machine gets the same lease when it is made anew. */
  readonly vagrantMac: string
  readonly qemuArguments: readonly string[]
  /** Files that libvirt writes the machine's console to. */
  readonly consoleLogs: readonly string[]
  /** Environment of provision/vagrant/guest.sh. */
  readonly settings: Readonly<Record<string, string>>
}

interface MachineNetwork {
  readonly name: string
  readonly address: string
  readonly netmask: string
  readonly machineAddress: string
  readonly mac: string
}

export interface MachinesOptions {
  readonly accelerator: 'kvm' | 'tcg'
  /** Identity of each host; without one, in plain `vagrant up`, it keeps what the box gives it, and no log. */
  readonly identities?: Readonly<Record<HostName, Identity>>
  readonly scripts?: readonly string[]
}

export interface Identity {
  readonly machineId: string
  readonly publicKey: string
  readonly hostPrivateKey: string
}

const defaultBoxes: Readonly<Record<HypervisorName, string>> = {
  virtualbox: 'bento/ubuntu-24.04',
  libvirt: 'cloud-image/ubuntu-24.04',
}

/** Resolves a testbed into what the Vagrantfile reads; nothing of it depends on the machine but the accelerator. */
export function machinesOf(
  testbed: ResolvedTestbed,
  names: VagrantNames,
  options: MachinesOptions,
): Machines {
  const { box, boxVersion } = testbed.vagrant
  const boxOf = (hypervisor: HypervisorName): Box => ({ box: box ?? defaultBoxes[hypervisor], boxVersion })
  const kvm = options.accelerator === 'kvm'
  return {
    prefix: names.prefix,
    // Emulation is ten to thirty times slower, and two machines start at once.
    bootTimeoutSeconds: kvm ? 300 : 600,
    memoryMiB: Math.round(testbed.vm.memoryBytes / 2 ** 20),
    cpus: testbed.vm.cpus,
    virtualbox: boxOf('virtualbox'),
    libvirt: {
      ...boxOf('libvirt'),
      uri: libvirtUri,
      driver: kvm ? 'kvm' : 'qemu',
      cpuMode: kvm ? 'host-passthrough' : 'maximum',
      machineType: 'q35',
      network: { name: names.network('vagrant'), address: ownSubnet(names) },
    },
    hosts: testbed.hosts.map((host) => machineOf(testbed, host, names, options)),
    scripts: options.scripts ?? [],
  }
}

export const libvirtUri = 'qemu:///system'

function machineOf(
  testbed: ResolvedTestbed,
  host: ResolvedHost,
  names: VagrantNames,
  options: MachinesOptions,
): Machine {
  const { mgmt, service } = testbed.networks
  const identity = options.identities?.[host.name]
  return {
    name: host.name,
    machine: names.machine(host.name),
    networks: [
      {
        name: names.network('mgmt'),
        address: host.mgmtAddress,
        netmask: netmask(mgmt.prefixLength),
        machineAddress: mgmt.machineAddress,
        mac: bare(macOf(host.mgmtAddress)),
      },
      {
        name: names.network('service'),
        address: host.serviceAddress,
        netmask: netmask(service.prefixLength),
        machineAddress: service.machineAddress,
        mac: bare(serviceCardMac(host)),
      },
    ],
    natMac: bare(natMac(host)),
    vagrantMac: macOf(host.mgmtAddress).replace(/^02/, '0e'),
    qemuArguments: [
      '-netdev',
      'user,id=nat,ipv6=off',
      // In a slot that libvirt leaves free, and behind all its cards: the first one a guest finds has to be Vagrant's own.
      '-device',
      'pcie-root-port,id=natport,bus=pcie.0,addr=0x10,chassis=64,slot=64',
      '-device',
      `virtio-net-pci,netdev=nat,mac=${natMac(host)},romfile=,bus=natport`,
    ],
    consoleLogs: identity === undefined ? [] : [names.consoleLog(host.name)],
    settings: {
      TESTBED_HOST_NAME: host.name,
      TESTBED_NEIGHBOURS: testbed.hosts.map((one) => `${one.mgmtAddress} ${one.name}`).join(','),
      TESTBED_MGMT_MAC: macOf(host.mgmtAddress),
      TESTBED_MGMT_ADDRESS: `${host.mgmtAddress}/${mgmt.prefixLength}`,
      TESTBED_SERVICE_NIC_MAC: serviceCardMac(host),
      TESTBED_SERVICE_MAC: macOf(host.serviceAddress),
      TESTBED_SERVICE_INTERFACE: `${host.serviceAddress}/${service.prefixLength}`,
      TESTBED_NAT_MAC: natMac(host),
      // For the components' own scripts.
      TESTBED_SERVICE_SUBNET: service.subnet,
      TESTBED_SERVICE_ADDRESS: host.serviceAddress,
      TESTBED_DOCKER_SOURCE: testbed.sources.docker,
      TESTBED_CRIU_SOURCE: testbed.sources.criu,
      ...(identity === undefined
        ? {}
        : {
            TESTBED_MACHINE_ID: identity.machineId,
            TESTBED_PUBLIC_KEY: identity.publicKey,
            TESTBED_HOST_KEY: Buffer.from(identity.hostPrivateKey).toString('base64'),
          }),
    },
  }
}

/** Vagrant wants a network of its own with DHCP: one of RFC 2544's, which nobody routes, by the testbed's name. */
function ownSubnet(names: VagrantNames): string {
  const digit = names.prefix.replace(/[^0-9a-f]/g, '').slice(-2)
  return `198.18.${Number.parseInt(digit, 16)}.0/24`
}

function netmask(prefixLength: number): string {
  const bits = (0xffffffff << (32 - prefixLength)) >>> 0
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')
}

function bare(mac: string): string {
  return mac.replaceAll(':', '')
}
