import { chown, cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../src/config/paths.ts'
import { loadTestbed } from '../../src/config/testbed.ts'
import { systemClock } from '../../src/core/time.ts'
import { prepareGuestImage } from '../../src/providers/images/guest-image.ts'
import { namesFor } from '../../src/providers/local/names.ts'
import { findVms } from '../../src/providers/qemu/labels.ts'
import { cacheFolder } from '../../src/testbed/state.ts'
import { runCommandLine } from '../support/command-line.ts'
import { expectExit } from '../support/testbed-folder.ts'

/** `nobody`: no rights, no home. */
const user = 65_534
const never = new AbortController().signal

describe('without root', () => {
  let folder: string
  let client: Server
  const greeted: string[] = []

  const testbed = (...args: string[]) => {
    const end = args.indexOf('--') < 0 ? args.length : args.indexOf('--')
    const command = [...args.slice(0, end), '--testbed', 'testbed.yaml', ...args.slice(end)]
    const env = { HOME: folder, XDG_CACHE_HOME: path.join(folder, 'cache') }
    return runCommandLine(command, { cwd: folder, user, env })
  }
  const on = async (host: string, script: string) =>
    expectExit(await testbed('ssh', host, '--', 'bash', '-c', script), 0).stdout.trim()

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(path.join(tmpdir(), 'rootless-')))
    await writeFile(
      path.join(folder, 'testbed.yaml'),
      'name: rootless\nprovider: qemu\nhosts: 2\nimage: debian-13\nvm: { memory: 512MiB }\n',
    )
    // The image is built by whoever builds images here; that anybody can build it is another test's.
    const { value } = await loadTestbed(path.join(folder, 'testbed.yaml'))
    const { disk } = await prepareGuestImage(
      {
        stateFolder: path.join(folder, 'of-root'),
        cacheFolder: cacheFolder(),
        projectFolder: packageRoot,
        progress: () => {},
        clock: systemClock,
      },
      value,
      never,
    )
    const image = path.dirname(disk)
    const copies = path.join(folder, 'cache', 'migration-testbed', 'guests')
    await mkdir(copies, { recursive: true })
    await cp(image, path.join(copies, path.basename(image)), { recursive: true })
    for (const each of [folder, path.join(folder, 'cache'), path.dirname(copies), copies]) {
      await chown(each, user, user)
    }
    client = createServer((socket) => {
      socket.on('data', (text) => greeted.push(String(text).trim()))
    })
    await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve))
  })

  afterAll(async () => {
    client.close()
    await testbed('down')
    await rm(folder, { recursive: true, force: true })
  })

  test('two machines come up, and answer the client', async () => {
    expectExit(await testbed('up'), 0)
    expect(await on('host-a', 'hostname; id -u')).toBe('host-a\n0')
    expect(await on('host-b', 'hostname; id -u')).toBe('host-b\n0')
  })

  test('they reach each other on both networks', async () => {
    const { value } = await loadTestbed(path.join(folder, 'testbed.yaml'))
    const [a, b] = value.hosts
    for (const [from, to] of [
      [a, b],
      [b, a],
    ]) {
      for (const address of [to?.mgmtAddress, to?.serviceAddress]) {
        expect(await on(from?.name ?? '', `exec 3<>/dev/tcp/${address}/22; head -c 4 <&3`)).toBe('SSH-')
      }
    }
  })

  test('they reach the client', async () => {
    const address = client.address()
    if (address === null || typeof address === 'string') throw new Error('the client does not listen')
    for (const host of ['host-a', 'host-b']) {
      await on(host, `echo "I am $(hostname)" >/dev/tcp/10.0.2.2/${address.port}`)
    }
    await expect.poll(() => greeted).toEqual(['I am host-a', 'I am host-b'])
  })

  test('an experiment is refused before anything is measured, and told why', async () => {
    const { exitCode, stderr } = await testbed(
      'run',
      path.join(packageRoot, 'experiments', 'quickstart.yaml'),
    )
    expect(exitCode).toBe(3)
    expect(stderr).toContain('nothing can be measured')
  })

  test('down leaves no machine', async () => {
    const { id } = namesFor(path.join(folder, '.testbed', 'rootless'))
    expect(await findVms(id)).toHaveLength(3)
    expectExit(await testbed('down'), 0)
    expect(await findVms(id)).toEqual([])
  })
})
