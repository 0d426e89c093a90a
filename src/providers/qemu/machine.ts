import { macOf } from '../../config/addresses.ts'
import type { ResolvedHost, ResolvedVm } from '../../config/resolved.ts'
import type { GuestImage } from '../images/guest-image.ts'
import { optionValue } from '../images/seed.ts'
import { cardToSwitch } from './user-switch.ts'

export type Accelerator = 'kvm' | 'tcg'
type Wiring =
  /** Bridges of this machine: names of the taps that QEMU makes. */
  | { readonly kind: 'tap'; readonly mgmt: string; readonly service: string }
  /** No rights needed: sockets to a switch (see user-switch.ts); SSH comes in through a local port. */
  | { readonly kind: 'user'; readonly sshPort: number }

export interface Machine {
  /** `guest=…`; see labels.ts. */
  readonly label: string
  readonly accelerator: Accelerator
  readonly vm: ResolvedVm
  readonly host: ResolvedHost
  readonly wiring: Wiring
  readonly image: GuestImage
  /** Passes in what the guest reads at its first boot. */
  readonly seed: readonly string[]
  /** Gets everything that the guest writes to its serial port. */
  readonly consoleLog: string
}

/** The service card's own MAC: `svc0`, the bridge above it, has the one that follows from the address. */
export function serviceCardMac(host: ResolvedHost): string {
  return macOf(host.serviceAddress).replace(/^02/, '06')
}

export function natMac(host: ResolvedHost): string {
  return macOf(host.mgmtAddress).replace(/^02/, '0a')
}

/**
 * QEMU's arguments. It starts in the host's own folder, which holds `disk.qcow2` and gets `qmp.sock`, and stays stopped
 * until its network is wired.
 */
export function machineArguments(machine: Machine): string[] {
  const { vm, host, wiring, image } = machine
  const cards = [
    { id: 'mgmt', mac: macOf(host.mgmtAddress) },
    { id: 'service', mac: serviceCardMac(host) },
  ] as const
  return [
    ...['-name', machine.label],
    ...['-machine', 'q35', '-accel', machine.accelerator === 'tcg' ? 'tcg,thread=multi' : 'kvm'],
    // The same on all machines of a testbed: CRIU refuses to restore where instructions are missing.
    ...['-cpu', 'max', '-smp', String(vm.cpus), '-m', `size=${Math.round(vm.memoryBytes / 1024)}k`],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-S'],
    ...[
      '-chardev',
      `file,id=console,append=on,path=${optionValue(machine.consoleLog)}`,
      '-serial',
      'chardev:console',
    ],
    ...['-chardev', 'socket,id=qmp,path=qmp.sock,server=on,wait=off', '-mon', 'chardev=qmp,mode=control'],
    ...['-object', 'rng-random,id=rng,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng'],
    // Not NVMe: QEMU takes no snapshot of a machine that has such a disk.
    ...['-blockdev', 'driver=qcow2,node-name=disk,discard=unmap,file.driver=file,file.filename=disk.qcow2'],
    ...['-device', 'virtio-blk-pci,drive=disk'],
    ...cards.flatMap(({ id, mac }) => [
      '-netdev',
      wiring.kind === 'tap'
        ? `tap,id=${id},ifname=${wiring[id]},script=no,downscript=no`
        : cardToSwitch(id, host.name),
      ...['-device', `virtio-net-pci,netdev=${id},mac=${mac},romfile=`],
    ]),
    '-netdev',
    `user,id=nat,ipv6=off${wiring.kind === 'user' ? `,hostfwd=tcp:127.0.0.1:${wiring.sshPort}-:22` : ''}`,
    ...['-device', `virtio-net-pci,netdev=nat,mac=${natMac(host)},romfile=`],
    ...bootArguments(image),
    ...machine.seed,
  ]
}

function bootArguments({ boot }: GuestImage): string[] {
  if (boot === undefined) return []
  const initrd = boot.initrd === undefined ? [] : ['-initrd', boot.initrd]
  return ['-kernel', boot.kernel, ...initrd, '-append', boot.arguments]
}

const forwardedPort = /hostfwd=tcp:127\.0\.0\.1:(\d+)-:22/

/** The local port that leads to the guest's SSH, of the arguments of a running QEMU. */
export function sshPortOf(argv: readonly string[]): number | undefined {
  const port = argv.map((argument) => forwardedPort.exec(argument)?.[1]).find((found) => found !== undefined)
  return port === undefined ? undefined : Number(port)
}
