import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseSubnet, usableAddress } from '../../../../src/config/addresses.ts'
import { loadTestbed } from '../../../../src/config/testbed.ts'
import {
  type Machine,
  machineArguments,
  natMac,
  serviceCardMac,
  sshPortOf,
} from '../../../../src/providers/qemu/machine.ts'
import { cardToSwitch, switchArguments } from '../../../../src/providers/qemu/user-switch.ts'
import { testdata } from '../../config/load.ts'

const host = { name: 'host-a', mgmtAddress: '10.87.0.2', serviceAddress: '10.88.0.2' }
const machine: Machine = {
  label: 'guest=mtb-abcdef-host-a',
  accelerator: 'tcg',
  vm: {
    memoryBytes: 768 * 2 ** 20,
    cpus: 2,
    diskBytes: 8 * 2 ** 30,
    accelerator: 'auto',
    network: 'auto',
  },
  host,
  wiring: { kind: 'tap', mgmt: 'mabcdef00', service: 'sabcdef00' },
  image: {
    name: 'debian-13',
    digest: 'd',
    disk: '/cache/disk.qcow2',
    boot: { kernel: '/cache/vmlinuz', initrd: '/cache/initrd', arguments: 'root=LABEL=x console=ttyS0' },
    components: 'installed',
    seed: 'tar',
  },
  seed: ['-device', 'seed'],
  consoleLog: '../../logs/a,b/serial.log',
}

/** What stands after an option, every time that it stands there. */
function valuesOf(argv: readonly string[], option: string): string[] {
  return argv.flatMap((word, index) => (word === option ? [argv[index + 1] ?? ''] : []))
}

describe("QEMU's arguments", () => {
  test('carry the label, the size, and the image', () => {
    const argv = machineArguments(machine)
    expect(valuesOf(argv, '-name')).toEqual(['guest=mtb-abcdef-host-a'])
    expect(valuesOf(argv, '-m')).toEqual(['size=786432k'])
    expect(valuesOf(argv, '-smp')).toEqual(['2'])
    expect(valuesOf(argv, '-cpu')).toEqual(['max'])
    expect(valuesOf(argv, '-accel')).toEqual(['tcg,thread=multi'])
    expect(valuesOf(argv, '-kernel')).toEqual(['/cache/vmlinuz'])
    expect(valuesOf(argv, '-initrd')).toEqual(['/cache/initrd'])
    expect(valuesOf(argv, '-append')).toEqual(['root=LABEL=x console=ttyS0'])
    expect(argv.slice(-2)).toEqual(['-device', 'seed'])
    expect(argv).toContain('-S')
  })

  test('leave out the kernel of an image that boots itself', () => {
    const { boot: _, ...image } = machine.image
    const argv = machineArguments({ ...machine, accelerator: 'kvm', image })
    expect(argv).not.toContain('-kernel')
    expect(argv).not.toContain('-append')
    expect(valuesOf(argv, '-accel')).toEqual(['kvm'])
  })

  test('double the commas of paths', () => {
    expect(valuesOf(machineArguments(machine), '-chardev')[0]).toContain('path=../../logs/a,,b/serial.log')
  })

  test('give three cards, each with a MAC of its own, and no card to the internet but one', () => {
    const argv = machineArguments(machine)
    const macs = valuesOf(argv, '-device').flatMap((device) => /mac=([^,]+)/.exec(device)?.[1] ?? [])
    expect(macs).toEqual(['02:42:0a:57:00:02', '06:42:0a:58:00:02', '0a:42:0a:57:00:02'])
    expect(new Set(macs).size).toBe(3)
    expect(valuesOf(argv, '-netdev')).toEqual([
      'tap,id=mgmt,ifname=mabcdef00,script=no,downscript=no',
      'tap,id=service,ifname=sabcdef00,script=no,downscript=no',
      'user,id=nat,ipv6=off',
    ])
  })

  test('need no rights with the user network, and tell the port of SSH', () => {
    const argv = machineArguments({
      ...machine,
      wiring: { kind: 'user', sshPort: 40022 },
    })
    expect(valuesOf(argv, '-netdev')).toEqual([
      'dgram,id=mgmt,local.type=unix,local.path=mgmt.sock,remote.type=unix,remote.path=../_switch/mgmt-host-a.sock',
      'dgram,id=service,local.type=unix,local.path=service.sock,remote.type=unix,remote.path=../_switch/service-host-a.sock',
      'user,id=nat,ipv6=off,hostfwd=tcp:127.0.0.1:40022-:22',
    ])
    expect(sshPortOf(argv)).toBe(40022)
    expect(sshPortOf(machineArguments(machine))).toBeUndefined()
  })
})

test("cards of different hosts, and a host's own, never share a MAC", () => {
  const mgmt = parseSubnet('10.87.0.0/24')
  const service = parseSubnet('10.88.0.0/24')
  const macs = Array.from({ length: 50 }, (_, index) => {
    const one = {
      name: `h${index}`,
      mgmtAddress: usableAddress(mgmt, index),
      serviceAddress: usableAddress(service, index),
    }
    return [serviceCardMac(one), natMac(one)]
  }).flat()
  expect(new Set(macs).size).toBe(100)
  // Locally administered, and of one station.
  for (const mac of macs) expect(Number.parseInt(mac.slice(0, 2), 16) & 3).toBe(2)
})

test('the switch of those without root joins every host to both networks', async () => {
  const { value } = await loadTestbed(path.join(testdata, 'valid', 'testbed-full.yaml'))
  const argv = switchArguments(value, 'abcdef')
  const netdevs = valuesOf(argv, '-netdev')
  expect(argv.slice(0, 2)).toEqual(['-name', 'guest=mtb-abcdef-_switch'])
  expect(netdevs.filter((one) => one.startsWith('hubport'))).toHaveLength(6)
  // Both ends of a host's sockets name each other.
  expect(netdevs).toContain(
    'dgram,id=mgmt-alpha,local.type=unix,local.path=mgmt-alpha.sock,remote.type=unix,remote.path=../alpha/mgmt.sock',
  )
  expect(cardToSwitch('mgmt', 'alpha')).toBe(
    'dgram,id=mgmt,local.type=unix,local.path=mgmt.sock,remote.type=unix,remote.path=../_switch/mgmt-alpha.sock',
  )
})
