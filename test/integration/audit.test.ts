import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/core/time.ts'
import { takeBaseline } from '../../src/experiments/clean-state.ts'
import { compareInventories, takeInventory } from '../../src/hosts/inventory.ts'
import type { SshHost } from '../../src/hosts/ssh-host.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

/** What a trial can leave behind: how it is left, how it is removed, and what the audit has to call it. */
const residues: readonly { readonly leave: string; readonly remove: string; readonly called: RegExp }[] = [
  {
    leave: 'tar -cf - -T /dev/null | docker import - left:1',
    remove: 'docker rmi left:1',
    called: /left behind: image sha256:\w+ left:1/,
  },
  {
    leave: 'docker create --name left-container left:1 /none',
    remove: 'docker rm left-container',
    called: /left behind: container left-container \w+/,
  },
  {
    leave: 'docker network create left-network',
    remove: 'docker network rm left-network',
    called: /left behind: network left-network/,
  },
  {
    leave: 'tar -cf - -T /dev/null | podman import -q - left:2',
    remove: 'podman rmi left:2',
    called: /left behind: podman image \S+ localhost\/left:2/,
  },
  {
    leave: 'podman --cgroup-manager cgroupfs create --name left-podman --network none left:2 /none',
    remove: 'podman --cgroup-manager cgroupfs rm left-podman',
    called: /left behind: podman container left-podman \w+/,
  },
  {
    leave: 'mkdir -p /run/runc/left && echo {} >/run/runc/left/state.json',
    remove: 'rm -r /run/runc/left',
    called: /left behind: runc state \/run\/runc\/left\/state.json/,
  },
  {
    leave: 'ip netns add left-netns',
    remove: 'ip netns del left-netns',
    called: /left behind: netns \/run\/netns\/left-netns/,
  },
  {
    // As CRIU locks the network of a container: with iptables, or with a table of its own.
    leave: 'ip netns exec left-netns nft add table inet CRIU-7',
    remove: 'true',
    called: /left behind: rule in left-netns table inet CRIU-7/,
  },
  {
    leave: 'iptables -N CRIU && iptables -A CRIU -j DROP',
    remove: 'iptables -F CRIU && iptables -X CRIU',
    called: /left behind: rule chain CRIU/,
  },
  {
    leave: 'nft add table inet CRIU-8',
    remove: 'nft delete table inet CRIU-8',
    called: /left behind: rule table inet CRIU-8/,
  },
  {
    leave: 'mkdir -p /mnt/left && mount -t tmpfs none /mnt/left',
    remove: 'umount /mnt/left',
    called: /left behind: mount \/mnt\/left/,
  },
  {
    leave: 'ip link add left0 type veth peer name left1',
    remove: 'ip link del left0',
    called: /left behind: link left0/,
  },
  {
    leave: 'mkdir -p /var/tmp/migration-testbed/left',
    remove: 'rm -r /var/tmp/migration-testbed/left',
    called: /left behind: file \/var\/tmp\/migration-testbed\/left/,
  },
  {
    leave:
      'ln -s "$(command -v sleep)" /tmp/left-process && (setsid /tmp/left-process 600 </dev/null >/dev/null 2>&1 &)',
    remove: 'kill "$(pgrep -x left-process)" && rm /tmp/left-process',
    called: /left behind: process left-process/,
  },
]

describeOnHosts('the audit before a trial', () => {
  let testbed: TestbedFolder
  let host: SshHost

  beforeAll(async () => {
    testbed = await makeTestbedFolder(48)
    expectExit(await testbed.run('up'), 0)
    host = await testbed.connect('host-a')
  })
  afterAll(async () => {
    host.close()
    await testbed.remove()
  })

  async function onHost(script: string): Promise<void> {
    const { exitCode, stderr } = await host.run({ argv: ['sh', '-c', script] })
    if (exitCode !== 0) throw new Error(`${script}\n${stderr}`)
  }

  test('names every kind of residue, and nothing once it is gone', async () => {
    const { signal } = new AbortController()
    const tools = { take: takeInventory, compare: compareInventories, clock: systemClock }
    // What podman makes when it is first used is no residue.
    await onHost('podman ps')
    const audit = await takeBaseline([host], tools, signal)
    expect(await audit.residue([host], signal)).toEqual([])

    for (const { leave } of residues) await onHost(leave)
    const found = (await audit.residue([host], signal)).map(({ what }) => what)
    for (const { called } of residues) expect(found).toContainEqual(expect.stringMatching(called))

    for (const { remove } of residues.toReversed()) await onHost(remove)
    expect(await audit.residue([host], signal)).toEqual([])
  })
})
