import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runLocal } from '../../src/core/process.ts'
import type { TrialRecord } from '../../src/results/record.ts'
import { lacksGo } from '../support/cluster.ts'
import { differences, machineState } from '../support/machine-state.ts'
import { describeOnHosts, lacks } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

const image = 'localhost/migration-testbed-pause:1'
const hosts = ['host-a', 'host-b']

const app = `
apiVersion: v1
kind: ConfigMap
metadata: { name: greeting }
data: { text: hello from a ConfigMap }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: app }
spec:
  replicas: 2
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
    spec:
      terminationGracePeriodSeconds: 1
      topologySpreadConstraints:
        - { maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: { matchLabels: { app: app } } }
      containers:
        - name: app
          image: ${image}
          imagePullPolicy: Never
          args: [serve, "8080", /greeting/text]
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
          volumeMounts: [{ name: greeting, mountPath: /greeting }]
      volumes: [{ name: greeting, configMap: { name: greeting } }]
---
apiVersion: v1
kind: Service
metadata: { name: app }
spec: { type: NodePort, selector: { app: app }, ports: [{ port: 80, targetPort: 8080, nodePort: 30080 }] }
`

const moves = `
name: moves
axes:
  toolchain: [kubernetes-reschedule, kubernetes-checkpoint, kubernetes-checkpoint-fast]
  workload: [counter]
include:
  - { toolchain: kubernetes-reschedule, workload: postgres, stateSize: 8MiB }
repetitions: 1
windows: { warmUp: 500ms, baseline: 1s, settle: 1s }
probe: { rate: 20/s }
`

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string }
    readonly spec: { readonly nodeName: string }
    readonly status: { readonly podIP: string }
  }[]
}

describeOnHosts(
  'a cluster of Kubernetes',
  () => {
    let testbed: TestbedFolder
    let before: readonly string[]

    beforeAll(async () => {
      testbed = await makeTestbedFolder(66)
      // Empty networks first: what the kernel makes once for ever is there then.
      expectExit(await testbed.run('up'), 0)
      expectExit(await testbed.run('down'), 0)
      before = machineState(testbed.id, 'none')
      expectExit(await testbed.run('up', '--with', 'kubernetes'), 0)
    }, 20 * 60_000)
    afterAll(() => testbed.remove())

    const kubectl = async (...args: string[]) =>
      expectExit(await testbed.startPlain(undefined, 'kubectl', '--testbed', testbed.file, ...args).ended, 0)
        .stdout
    const pods = async () =>
      (JSON.parse(await kubectl('get', 'pods', '-l', 'app=app', '-o', 'json')) as Pods).items
    async function on(host: string, script: string): Promise<string> {
      const connection = await testbed.connect(host)
      const { stdout } = await connection.run({ argv: ['sh', '-c', script] })
      connection.close()
      return stdout.trim()
    }

    test('has every host as a node, with its own kubelet, and control plane', async () => {
      const nodes = JSON.parse(await kubectl('get', 'nodes', '-o', 'json')) as {
        items: { metadata: { name: string }; status: { conditions: { type: string; status: string }[] } }[]
      }
      const ready = nodes.items.map(({ metadata, status }) => ({
        name: metadata.name,
        ready: status.conditions.find(({ type }) => type === 'Ready')?.status,
      }))
      expect(ready).toEqual(hosts.map((name) => ({ name, ready: 'True' })))
      const running =
        'for name in etcd kube-apiserver kube-controller-manager kube-scheduler registry kubelet kube-proxy containerd; do test ! -e /run/testbed-$name.pid || ! kill -0 $(cat /run/testbed-$name.pid) || echo $name; done'
      expect((await on('host-b', running)).split('\n')).toHaveLength(8)
      expect((await on('host-a', running)).split('\n')).toEqual(['kubelet', 'kube-proxy', 'containerd'])
    })

    test('lets connections in that moved here in the middle of their life', async () => {
      const rules = await Promise.all(hosts.map((host) => on(host, 'iptables -S')))
      for (const text of rules) {
        expect(text).toContain('-A KUBE-FORWARD')
        expect(text).not.toContain('INVALID')
      }
    })

    test('up again finds it as it is', async () => {
      const alive = 'for file in /run/testbed-*.pid; do kill -0 $(cat $file) && echo $file $(cat $file); done'
      const was = await on('host-b', alive)
      expect(was.split('\n')).toHaveLength(8)
      expectExit(await testbed.run('up', '--with', 'kubernetes'), 0)
      // Some notice a moment later that their settings were written to.
      await new Promise((resolve) => setTimeout(resolve, 3000))
      expect(await on('host-b', alive)).toBe(was)
    })

    test('a port that is taken is named, with the end of the log', async () => {
      const address = await on('host-b', "ip -o -4 address show mgmt0 | awk '{ print $4 }' | cut -d/ -f1")
      await on(
        'host-b',
        `kill -KILL $(cat /run/testbed-kube-apiserver.pid); while ss -tln | grep -q ':6443 '; do sleep 0.1; done
         setsid socat TCP4-LISTEN:6443,bind=${address},reuseaddr,fork /dev/null >/dev/null 2>&1 </dev/null & echo $! >/tmp/taker; sleep 0.5`,
      )
      const refused = await testbed.run('up', '--with', 'kubernetes')
      expectExit(refused, 4)
      for (const words of [
        'host-b: starting the control plane failed',
        'kube-apiserver ended',
        'address already in use',
        'kube-apiserver.log',
      ])
        expect(refused.stderr).toContain(words)
      await on('host-b', 'kill $(cat /tmp/taker)')
      expectExit(await testbed.run('up', '--with', 'kubernetes'), 0)
    })

    test('rolls a Deployment out, with a ConfigMap, on both nodes', async () => {
      await expectApplied(app)
      await kubectl('rollout', 'status', 'deployment/app', '--timeout=90s')
      expect((await pods()).map(({ spec }) => spec.nodeName).sort()).toEqual(hosts)
    })

    test('answers at the address of a Service, and at a port of each node, from everywhere', async () => {
      const address = await kubectl('get', 'service', 'app', '-o', 'jsonpath={.spec.clusterIP}')
      for (const host of hosts) {
        // Nodes hear of a new service a moment later, each for itself.
        await expect
          .poll(() => on(host, `socat -u TCP4:${address}:80,connect-timeout=5 -`), { timeout: 20_000 })
          .toMatch(/^app-\S+ hello from a ConfigMap$/)
      }
      const state = await readFile(path.join(testbed.path, '.testbed', testbed.name, 'testbed.json'), 'utf8')
      const { addresses } = JSON.parse(state) as { addresses: { host: string }[] }
      for (const { host } of addresses) {
        const { stdout } = await runLocal([
          'bash',
          '-c',
          `exec 3<>/dev/tcp/${host}/30080 && timeout 5 cat <&3`,
        ])
        expect(stdout).toContain('hello from a ConfigMap')
      }
    })

    test('shows logs, and runs a command in a pod that reaches the other', async () => {
      const [one, other] = await pods()
      expect(await kubectl('logs', one?.metadata.name ?? '')).toBe('listening on port 8080\n')
      const asked = await kubectl(
        'exec',
        one?.metadata.name ?? '',
        '--',
        '/pause',
        'ask',
        `${other?.status.podIP}:8080`,
      )
      expect(asked).toBe(`${other?.metadata.name} hello from a ConfigMap\n`)
    })

    test('moves the pods of a node that is drained', async () => {
      await kubectl('drain', 'host-a', '--ignore-daemonsets', '--timeout=60s')
      await kubectl('rollout', 'status', 'deployment/app', '--timeout=60s')
      await expect
        .poll(async () => (await pods()).map(({ spec }) => spec.nodeName), { timeout: 30_000 })
        .toEqual(['host-b', 'host-b'])
      await kubectl('uncordon', 'host-a')
    })

    test('a counter and rows of PostgreSQL move by the toolchains of a cluster', async () => {
      await writeFile(path.join(testbed.path, 'moves.yaml'), moves)
      const { exitCode, stderr } = await testbed.run('run', 'moves.yaml', '--with', 'kubernetes')
      const journal = path.join(testbed.path, 'results', 'moves', 'latest', 'trials.jsonl')
      const records = (await readFile(journal, 'utf8').catch(() => ''))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as TrialRecord)
      const seen = records.map(({ toolchain, workload, verdict, cause, state }) => {
        // A busy machine may not measure well; here it counts what was kept.
        const ended = verdict === 'invalid' && cause?.step === 'probe' ? 'ok' : verdict
        return `${toolchain} ${workload}: ${ended}, memory ${state.memory}, files ${state.files}`
      })
      expect(seen.sort(), stderr.slice(-4000)).toEqual([
        'kubernetes-checkpoint counter: ok, memory kept, files kept',
        'kubernetes-checkpoint-fast counter: ok, memory kept, files kept',
        'kubernetes-reschedule counter: ok, memory lost, files lost',
        'kubernetes-reschedule postgres: ok, memory lost, files kept',
      ])
      expect([0, 5]).toContain(exitCode)
    })

    test('changes nothing that is the machine’s, and goes without a trace', async () => {
      const kernel = (lines: readonly string[]) => lines.filter((line) => /^setting (kernel|vm)\./.test(line))
      expect(differences(kernel(before), kernel(machineState(testbed.id, 'none')))).toEqual([])
      expectExit(await testbed.run('down'), 0)
      expect(differences(before, machineState(testbed.id, 'none'))).toEqual([])
    })

    async function expectApplied(text: string): Promise<void> {
      const file = path.join(testbed.path, 'app.yaml')
      await writeFile(file, text)
      await kubectl('apply', '-f', file)
    }
  },
  (await lacks('namespaces')) ?? (await lacksGo()),
)
