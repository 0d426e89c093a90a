import { cp, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../src/config/paths.ts'
import { ensureModules } from '../../src/provision/kubernetes/modules.ts'
import { lacksGo } from '../support/cluster.ts'
import { describeOnHosts, lacks } from '../support/requirements.ts'
import { scratchFolder } from '../support/scratch-folder.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

const kubelet = '$(cat /run/testbed-kubelet.pid)'

describeOnHosts(
  'a cluster that does not come up',
  () => {
    let testbed: TestbedFolder
    beforeAll(async () => {
      testbed = await makeTestbedFolder(53)
      expectExit(await testbed.run('up', '--with', 'kubernetes'), 0)
    }, 20 * 60_000)
    afterAll(() => testbed.remove())

    async function onWorker(script: string): Promise<string> {
      const worker = await testbed.connect('host-a')
      const { stdout, stderr, exitCode } = await worker.run({ argv: ['sh', '-c', script] })
      worker.close()
      if (exitCode !== 0) throw new Error(`${script}\n${stderr}`)
      return stdout.trim()
    }
    /** What `up` says of it. */
    async function refused(): Promise<string> {
      return expectExit(await testbed.run('up', '--with', 'kubernetes'), 4).stderr
    }
    const control = (...args: string[]) =>
      testbed.startPlain(undefined, 'kubectl', '--testbed', testbed.file, ...args).ended

    test('a worker that does not become Ready is named, with the last words of its kubelet', async () => {
      await onWorker(`kill -STOP ${kubelet}`)
      const wait = ['wait', '--for=condition=Ready=Unknown', 'node/host-a', '--timeout=120s']
      expectExit(await control(...wait), 0)
      const said = await refused()
      await onWorker(`kill -CONT ${kubelet}`)
      expect(said).toContain('host-a: starting the node failed')
      expect(said).toContain('no sign of a node host-a that is Ready')
      expect(said).toContain('kubelet.log')
      expect(said).toMatch(/[IEW]\d{4} \d\d:\d\d:\d\d/) // lines of the kubelet's own log
    })

    test('a worker whose port is taken is named, with the kubelet that ended of it', async () => {
      const port = 10_250
      await onWorker(`kill ${kubelet}; while ss -Hltn 'sport = :${port}' | grep -q .; do sleep 0.1; done`)
      await onWorker(
        `setsid socat "TCP4-LISTEN:${port},fork" /dev/null </dev/null >/dev/null 2>&1 & echo $! >/run/taken.pid`,
      )
      const said = await refused()
      await onWorker('kill $(cat /run/taken.pid)')
      expect(said).toContain('host-a: starting the node failed')
      expect(said).toContain('kubelet ended')
      expect(said).toMatch(/:10250: bind: address already in use/)
      expectExit(await testbed.run('up', '--with', 'kubernetes'), 0)
    })

    test('a host without a controller of cgroups is named, with the controller', async () => {
      await onWorker('umount -l /sys/fs/cgroup/memory')
      const said = await refused()
      await onWorker('mount -t cgroup -o memory cgroup /sys/fs/cgroup/memory')
      expect(said).toContain('host-a: starting the runtime of containers failed')
      expect(said).toContain('this host has no cgroup controller memory')
      expect(said).toContain('cgroup_enable=memory')
    })

    test('a module with another checksum than the pinned one is named, and nothing is built', async () => {
      const folder = await scratchFolder()
      const projectFolder = path.join(folder, 'project')
      const module = path.join('provision', 'kubernetes', 'module')
      await cp(path.join(packageRoot, module), path.join(projectFolder, module), { recursive: true })
      const sums = path.join(projectFolder, module, 'go.sum')
      const text = await readFile(sums, 'utf8')
      const changed = text.replace(/^(k8s\.io\/kubernetes \S+ h1:)..../m, '$1AAAA')
      expect(changed).not.toBe(text)
      await writeFile(sums, changed)
      const cacheFolder = path.join(folder, 'cache')
      const context = { projectFolder, cacheFolder, progress: () => undefined }
      await expect(ensureModules(context, new AbortController().signal)).rejects.toMatchObject({
        message: expect.stringMatching(
          /^finding the modules of Kubernetes failed: k8s\.io\/kubernetes@v\S+ has a wrong checksum$/,
        ),
        parts: {
          why: expect.arrayContaining([expect.stringMatching(/^go\.sum:\s+h1:AAAA/)]),
          hint: expect.stringContaining('go.sum'),
        },
      })
    })
  },
  (await lacks('namespaces')) ?? (await lacksGo()),
)
