import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../src/config/paths.ts'
import type { SshHost } from '../../src/hosts/ssh-host.ts'
import { selectComponents } from '../../src/provision/components.ts'
import { remoteFolder } from '../../src/provision/scripts.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

/** Those of a testbed whose file names none. */
const components = await selectComponents(packageRoot, ['docker', 'criu', 'podman', 'volumes'])

describeOnHosts('provision scripts', () => {
  let testbed: TestbedFolder
  let host: SshHost

  beforeAll(async () => {
    testbed = await makeTestbedFolder(4)
    expectExit(await testbed.run('up'), 0)
    host = await testbed.connect('host-a')
  })

  afterAll(async () => {
    host.close()
    await testbed.remove()
  })

  const shell = async (script: string) => (await host.run({ argv: ['sh', '-c', script] })).stdout
  const runScript = async (script: string) => {
    const { exitCode, stdout, stderr } = await host.run({ argv: ['sh', `${remoteFolder}/${script}`] })
    return { exitCode, output: `${stdout}${stderr}` }
  }
  /** Every file of the host's own layers with its content, and what runs. */
  const contents = () =>
    shell(
      'find /etc /usr/local /var/lib/dpkg/info -type f -exec sha256sum {} + | sort; dpkg-query -W; pgrep -l dockerd; pgrep -l containerd',
    )

  test.each(components)('$name: install.sh on a host that has it changes nothing', async ({ folder }) => {
    const before = await contents()
    const began = performance.now()
    expect(await runScript(`${folder}/install.sh`)).toMatchObject({ exitCode: 0 })
    expect(performance.now() - began).toBeLessThan(15_000)
    expect(await contents()).toBe(before)
    expect(await runScript(`${folder}/verify.sh`)).toMatchObject({ exitCode: 0 })
  })

  const faults = [
    ['10-base', 'mv /usr/bin/socat /root', 'mv /root/socat /usr/bin', 'socat is missing'],
    ['20-docker', 'mv /usr/sbin/dockerd /root', 'mv /root/dockerd /usr/sbin', 'Docker is not installed'],
    ['30-criu', 'mv /usr/sbin/criu /root', 'mv /root/criu /usr/sbin', 'CRIU is not installed'],
    [
      '30-criu',
      'mv /usr/sbin/criu /root; printf "#!/bin/sh\\nexit 1\\n" >/usr/sbin/criu; chmod +x /usr/sbin/criu',
      'mv /root/criu /usr/sbin',
      'cannot dump on kernel',
    ],
  ] as const
  test.each(faults)('%s: verify.sh after "%s" says what to do', async (folder, damage, repair, message) => {
    await shell(damage)
    const { exitCode, output } = await runScript(`${folder}/verify.sh`)
    await shell(repair)
    expect(exitCode).toBe(1)
    expect(output).toContain(message)
    expect(output).toMatch(/^hint: .{20,}$/m)
    expect(await runScript(`${folder}/verify.sh`)).toMatchObject({ exitCode: 0 })
  })

  test('docker without what we need does not verify, and install.sh adds that to its settings', async () => {
    const file = '/etc/docker/daemon.json'
    const restart = async () => {
      await shell('pkill -x dockerd; while pgrep -x dockerd; do sleep 0.1; done')
      await shell('setsid /etc/migration-testbed/services/docker >>/var/log/docker.log 2>&1 </dev/null &')
    }
    const own = { runtimes: { own: { path: '/usr/sbin/runc' } }, debug: true }
    for (const [settings, hint] of [
      [{ experimental: false, ...own }, `hint: set "experimental": true in ${file} and restart it`],
      [
        { experimental: true, ...own },
        `hint: run provision/20-docker/install.sh on the host: it adds it to ${file}`,
      ],
    ] as const) {
      await shell(`echo '${JSON.stringify(settings)}' >${file}`)
      await restart()
      const broken = await runScript('20-docker/verify.sh')
      expect(broken.exitCode).toBe(1)
      expect(broken.output).toContain(hint)
      expect(await runScript('20-docker/install.sh')).toMatchObject({ exitCode: 0 })
      expect(await runScript('20-docker/verify.sh')).toMatchObject({ exitCode: 0 })
      expect(JSON.parse(await shell(`cat ${file}`))).toEqual({
        experimental: true,
        debug: true,
        runtimes: {
          own: own.runtimes.own,
          'migration-testbed-gated': { path: `${remoteFolder}/docker/runc-gated.sh` },
        },
      })
      expect(JSON.parse(await shell(`cat ${file}.before-testbed`))).toEqual(settings)
    }
  })

  test('up shows what a script says when a host cannot be mended, and its log', async () => {
    await shell('mv /usr/sbin/criu /root; mkdir -p /root/apt; mv /usr/bin/apt-get /root/apt')
    const { exitCode, stdout, stderr } = await testbed.run('up')
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' })
    expect(stderr).toMatch(/✗ host-a: install criu failed \(exit \d+ after [\d.]+ s\)/)
    expect(stderr).toMatch(/^ {2}hint {2}.{20,}$/m)
    expect(stderr).toMatch(/^ {2}log {3}\S*logs\/host-a\/30-criu\.log/m)
    expectExit(await testbed.run('rebuild'), 0)
  })
})
