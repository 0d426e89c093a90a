import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../src/config/paths.ts'
import { mustRunLocal } from '../../src/core/process.ts'
import { ensureModules } from '../../src/provision/kubernetes/modules.ts'
import type { TrialRecord } from '../../src/results/record.ts'
import { cacheFolder } from '../../src/testbed/state.ts'
import { lacksGo, withCluster } from '../support/cluster.ts'
import { differences, machineState } from '../support/machine-state.ts'
import { describeOnHosts, lacks } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

const moves = `
name: moves
axes:
  toolchain: [kubernetes-reschedule, kubernetes-node-loss, kubernetes-checkpoint, kubernetes-checkpoint-fast]
  workload: [counter]
repetitions: 1
windows: { warmUp: 500ms, baseline: 1s, settle: 1s }
probe: { rate: 20/s }
`

// kubeadm itself, and all that it starts, are those of the release; only packages and images are made here, since nothing can be downloaded.
describeOnHosts(
  'a cluster made by kubeadm',
  () => {
    let testbed: TestbedFolder
    let before: readonly string[]
    const { signal } = new AbortController()

    beforeAll(async () => {
      const settings = `${withCluster}\nsources: { kubernetes: kubeadm }\nkubeadm: { folder: kubeadm }\n`
      testbed = await makeTestbedFolder(79, 2, { settings })
      const folder = path.join(testbed.path, 'kubeadm')
      await mkdir(folder)
      await buildPrograms(folder)
      await makeImages(folder)
      before = machineState(testbed.id, 'none')
      const began = performance.now()
      expectExit(await testbed.run('up'), 0)
      process.stderr.write(
        `up of a cluster by kubeadm: ${((performance.now() - began) / 1000).toFixed(0)} s\n`,
      )
    }, 40 * 60_000)
    afterAll(() => testbed.remove())

    /** The parts of a cluster are of the program that clusters have otherwise; kubeadm and etcd are built for this test. */
    async function buildPrograms(folder: string): Promise<void> {
      const progress = () => {}
      const built = await ensureModules(
        { projectFolder: packageRoot, cacheFolder: cacheFolder(), progress },
        signal,
      )
      for (const name of ['kubelet', 'kubectl'])
        await copyFile(path.join(built.folder, 'kube'), path.join(folder, name))
      const stamp = `-s -w -X k8s.io/component-base/version.gitVersion=v${built.version}`
      await mustRunLocal(['go', 'build', '-trimpath', '-ldflags', stamp, '-o', `${folder}/`, './...'], {
        cwd: path.join(import.meta.dirname, 'programs'),
        env: { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' },
        timeoutMs: 30 * 60_000,
      })
    }

    async function makeImages(folder: string): Promise<void> {
      const builder = await makeTestbedFolder(77)
      try {
        expectExit(await builder.run('up'), 0)
        const host = await builder.connect('host-a')
        await host.run({ argv: ['mkdir', '/tmp/kubeadm'] })
        for (const name of ['kubeadm', 'kubelet', 'etcd'])
          await host.put(path.join(folder, name), `/tmp/kubeadm/${name}`)
        await host.put(path.join(import.meta.dirname, 'images.sh'), '/tmp/images.sh')
        const script = 'chmod 0755 /tmp/kubeadm/* && sh /tmp/images.sh /tmp/kubeadm'
        const made = await host.run({ argv: ['sh', '-c', script] }, { timeoutMs: 5 * 60_000 })
        expect(made.exitCode, made.stderr).toBe(0)
        await host.get('/tmp/kubeadm/images.tar', path.join(folder, 'images.tar'))
        host.close()
      } finally {
        await builder.remove()
      }
    }

    const kubectl = async (...args: string[]) =>
      expectExit(await testbed.startPlain(undefined, 'kubectl', '--testbed', testbed.file, ...args).ended, 0)
        .stdout

    test('has the control plane in pods of the second host, and every host as a node', async () => {
      const ready =
        '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.kubeletVersion}{"\\n"}{end}'
      expect(await kubectl('get', 'nodes', '-o', `jsonpath=${ready}`)).toMatch(
        /^host-a=True (v1\.\d+\.\d+)\nhost-b=True \1\n$/,
      )
      const pods =
        '{range .items[*]}{.metadata.generateName}{.metadata.name} {.spec.nodeName} {.status.phase}{"\\n"}{end}'
      const running = await kubectl('get', 'pods', '-n', 'kube-system', '-o', `jsonpath=${pods}`)
      expect(
        running
          .trim()
          .split('\n')
          .map((line) => line.replace(/^kube-proxy-\S+/, 'kube-proxy'))
          .sort(),
      ).toEqual([
        'etcd-host-b host-b Running',
        'kube-apiserver-host-b host-b Running',
        'kube-controller-manager-host-b host-b Running',
        'kube-proxy host-a Running',
        'kube-proxy host-b Running',
        'kube-scheduler-host-b host-b Running',
      ])
    })

    test('up again finds it as it is', async () => {
      const started =
        '{range .items[*]}{.metadata.name} {.status.containerStatuses[*].containerID}{"\\n"}{end}'
      const ask = () => kubectl('get', 'pods', '-n', 'kube-system', '-o', `jsonpath=${started}`)
      const was = await ask()
      expectExit(await testbed.run('up'), 0)
      expect(await ask()).toBe(was)
    })

    test('a counter moves by the toolchains of a cluster', async () => {
      await writeFile(path.join(testbed.path, 'moves.yaml'), moves)
      const { stderr } = await testbed.run('run', 'moves.yaml')
      const folder = path.join(testbed.path, 'results', 'moves', 'latest')
      const journal = path.join(folder, 'trials.jsonl')
      const seen = (await readFile(journal, 'utf8').catch(() => ''))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as TrialRecord)
        .map(({ toolchain, verdict, cause, state }) => {
          // A busy machine may not measure well; here it counts what was kept.
          const ended = verdict === 'invalid' && cause?.step === 'probe' ? 'ok' : verdict
          return `${toolchain}: ${ended}, memory ${state.memory}`
        })
      expect(seen.sort(), stderr.slice(-4000)).toEqual([
        'kubernetes-checkpoint-fast: ok, memory kept',
        'kubernetes-checkpoint: ok, memory kept',
        'kubernetes-node-loss: ok, memory lost',
        'kubernetes-reschedule: ok, memory lost',
      ])
      expect(await readFile(path.join(folder, 'environment.json'), 'utf8')).toMatch(/1\.\d+\.\d+ \(kubeadm\)/)
    })

    test('goes without a trace', async () => {
      expectExit(await testbed.run('down'), 0)
      expect(differences(before, machineState(testbed.id, 'none'))).toEqual([])
    })
  },
  (await lacks('namespaces')) ?? (await lacksGo()),
)
