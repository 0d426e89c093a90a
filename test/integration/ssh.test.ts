import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectHost } from '../../src/hosts/ssh-host.ts'
import { createSshProvider } from '../../src/providers/ssh/provider.ts'
import { type ForeignHosts, makeForeignHosts } from '../support/foreign-hosts.ts'
import { describeProvider } from '../support/provider-contract.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit } from '../support/testbed-folder.ts'

const never = new AbortController().signal

await describeProvider(
  'ssh',
  async (hosts) => {
    const foreign = await makeForeignHosts(40 + hosts, hosts)
    const provider = createSshProvider(foreign.folder.context())
    return {
      folder: foreign.folder,
      testbed: await foreign.folder.resolved(),
      provider: {
        ...provider,
        // Powering off and on is their owner's.
        kill: (host) => foreign.maker.kill(host),
        create: async (testbed, signal) => {
          await foreign.start()
          return await provider.create(testbed, signal)
        },
      },
    }
  },
  { existing: true },
)

describeOnHosts('existing machines', () => {
  let foreign: ForeignHosts
  let scratch: string
  const direct = ['{ name: host-a, address: 10.97.46.2 }', '{ name: host-b, address: 10.97.46.3 }'] as const
  const aliases =
    'Host second\n  HostName 10.97.46.3\n  ProxyJump first\n  User labuser\nHost first\n  HostName 10.97.46.2\n'

  beforeAll(async () => {
    foreign = await makeForeignHosts(46)
    scratch = await mkdtemp(path.join(tmpdir(), 'ssh-'))
  })
  afterAll(async () => {
    await foreign.configure(direct)
    await foreign.folder.remove()
    await rm(scratch, { recursive: true, force: true })
  })

  const asTheirOwner = async (script: string, of: string) => {
    const resolved = await foreign.folder.resolved()
    const addresses = await foreign.maker.create(resolved, never)
    const address = addresses.find(({ name }) => name === of)
    if (address === undefined) throw new Error(`there is no ${of}`)
    const host = await connectHost(address)
    const { stdout, stderr, exitCode } = await host.run({ argv: ['sh', '-c', script] })
    host.close()
    return { said: stdout.trim(), stderr, exitCode }
  }

  test('down leaves them as they were', async () => {
    // A link that has just come up still asks whether another has its IPv6 address (RFC 4862, section 5.4).
    const look =
      'until docker version >/dev/null && [ -z "$(ip -o addr show tentative)" ]; do sleep 0.1; done; ip -o addr show | sed "s/ *valid_lft.*//"; ip -br link; docker network ls -q; docker images -q; find /usr/local/lib /var/lib -maxdepth 2 -not -path "*/docker/*" -not -path "*/containers/*"; tc qdisc show'
    // Their image has our scripts; a machine of somebody else has none.
    await asTheirOwner('rm -r /usr/local/lib/migration-testbed/provision', 'host-a')
    const before = await asTheirOwner(look, 'host-a')
    expectExit(await foreign.folder.run('up'), 0)
    expect(await asTheirOwner('cat /sys/class/net/svc0/ifalias', 'host-a')).toMatchObject({
      said: expect.stringMatching(/^migration-testbed [0-9a-f]{12}$/),
    })
    expectExit(await foreign.folder.run('down'), 0)
    expect((await asTheirOwner(look, 'host-a')).said).toBe(before.said)
  })

  test('one testbed at a time, and never the NIC that carries SSH', async () => {
    await asTheirOwner(
      'mkdir /var/lib/migration-testbed; echo other lab >/var/lib/migration-testbed/testbed',
      'host-a',
    )
    const taken = await foreign.folder.run('up')
    expect(taken.exitCode).toBe(2)
    expect(taken.stderr).toContain('testbed.yaml:4:30: host-a belongs to testbed lab already')
    await asTheirOwner('rm -r /var/lib/migration-testbed', 'host-a')

    await foreign.configure([direct[0], '{ name: host-b, address: 10.97.46.3, serviceInterface: mgmt0 }'])
    const carrying = await foreign.folder.run('up')
    expect(carrying.exitCode).toBe(2)
    expect(carrying.stderr).toContain('mgmt0 of host-b carries the SSH connection')

    await foreign.configure([direct[0], '{ name: host-b, address: 10.97.46.2 }'])
    const twice = await foreign.folder.run('up')
    expect(twice.stderr).toContain('are the same machine')
    await foreign.configure(direct)
  })

  test('a changed host key is refused, and no machine is powered off unasked', async () => {
    const known = path.join(foreign.folder.path, 'known_hosts')
    const right = await readFile(known, 'utf8')
    const lines = right.split('\n')
    await writeFile(known, right.replace(lines[0]?.split(' ')[2] ?? '', lines[1]?.split(' ')[2] ?? ''))
    const changed = await foreign.folder.run('up')
    expect(changed.exitCode).toBe(4)
    expect(changed.stderr).toContain('host-a: the host key of 10.97.46.2 has changed')
    await writeFile(known, right)
    expectExit(await foreign.folder.run('up'), 0)
    await expect(createSshProvider(foreign.folder.context()).kill('host-a')).rejects.toThrow(
      'unsupported: provider ssh powers no machine off',
    )
  })

  /**
   * The hosts have no sudo: a stand-in with the same rights does what `sudo -n --` does, by a shell that the user may run
   * as root. sshd may not signal its processes, as with the real one.
   */
  const sudo = `
useradd --create-home --shell /bin/sh --password '*' labuser
cp -r /root/.ssh ~labuser && chown -R labuser: ~labuser/.ssh
install -m 4755 /bin/dash /usr/local/lib/as-root
cat >/usr/local/bin/sudo <<'END'
#!/bin/sh
shift 2
exec /usr/local/lib/as-root -p -c 'exec setpriv --reuid 0 --regid 0 --clear-groups -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' sudo "$@"
END
chmod 755 /usr/local/bin/sudo`

  test('an alias, through a jump host, as a user with sudo', async () => {
    const { exitCode, stderr } = await asTheirOwner(sudo, 'host-b')
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    await foreign.configure([direct[0], '{ name: host-b, address: second, user: labuser }'], aliases)
    expectExit(await foreign.folder.run('up'), 0)
    expectExit(await foreign.folder.run('status'), 0)
    const host = await foreign.folder.connect('host-b')
    try {
      expect((await host.run({ argv: ['id', '-un'] })).stdout).toBe('root\n')
      const env = await host.run({ argv: ['sh', '-c', 'echo "$A"'], env: { A: "it's" } })
      expect(env.stdout).toBe("it's\n")
      await writeFile(path.join(scratch, 'there'), 'text\n')
      await host.put(path.join(scratch, 'there'), '/root/there')
      await host.get('/root/there', path.join(scratch, 'back'))
      expect(await readFile(path.join(scratch, 'back'), 'utf8')).toBe('text\n')
      await expect(host.get('/root/nothing', path.join(scratch, 'nothing'))).rejects.toThrow(
        'a file could not',
      )
      const sleep = ['sh', '-c', 'sleep 317 & sleep 317'] as const
      await expect(host.run({ argv: sleep }, { timeoutMs: 500 })).rejects.toThrow('no end after')
      await expect
        .poll(async () => (await host.run({ argv: ['pgrep', '-fc', '^sleep 317'] })).stdout.trim(), {
          timeout: 5_000,
        })
        .toBe('0')
    } finally {
      host.close()
    }
    const run = await foreign.folder.run(
      'run',
      'hello',
      '--only',
      'toolchain=docker-checkpoint',
      '--repetitions',
      '1',
    )
    expectExit(run, 0)
    expectExit(await foreign.folder.run('down'), 0)
  })
})
