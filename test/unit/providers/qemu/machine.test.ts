import { describe, expect, test } from 'vitest'
import { parseSubnet, usableAddress } from '../../../../src/config/addresses.ts'
import {
  type Machine,
  machineArguments,
  multicastGroup,
  natMac,
  serviceCardMac,
  sshPortOf,
} from '../../../../src/providers/qemu/machine.ts'

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
      wiring: { kind: 'user', mgmt: '239.1.2.3:20001', service: '239.1.2.4:20002', sshPort: 40022 },
    })
    expect(valuesOf(argv, '-netdev')).toEqual([
      'socket,id=mgmt,mcast=239.1.2.3:20001,localaddr=127.0.0.1',
      'socket,id=service,mcast=239.1.2.4:20002,localaddr=127.0.0.1',
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

test('multicast groups are of the range for private use, one for each network and testbed', () => {
  const groups = ['abcdef', '012345'].flatMap((id) => [
    multicastGroup(id, 'mgmt'),
    multicastGroup(id, 'service'),
  ])
  expect(new Set(groups).size).toBe(4)
  for (const group of groups) expect(group).toMatch(/^239\.(19[2-9]|2[0-5]\d)\.\d+\.\d+:2\d{4}$/)
  expect(multicastGroup('abcdef', 'mgmt')).toBe(groups[0])
})
