import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { projectFolders } from '../../src/config/paths.ts'
import type { TrialRecord } from '../../src/results/record.ts'
import type { CommandLineResult } from '../support/command-line.ts'
import { differences, machineState } from '../support/machine-state.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

const marker = `TESTBED_TEST_MARKER=run-${process.pid}`
const environment = Object.fromEntries([marker.split('=')])

/** Both toolchains in a few seconds a trial. */
const short = `name: short
axes: { toolchain: [docker-commit, docker-checkpoint], workload: counter }
repetitions: 1
windows: { warmUp: 200ms, baseline: 1s, settle: 1s }
probe: { rate: 100/s }
`

/** What a user of the tool brings along: nothing in src/ knows it. */
const ownWorkload = {
  'workload.yaml': `name: visitors
image:
  packages: [python3-minimal]
  files:
    - { source: server.py, target: /srv/server.py }
command: [python3, /srv/server.py]
port: 9000
probe:
  http: { path: /, expectStatus: 200, identity: /who, sequence: /visits }
`,
  'server.py': `import os, socket, threading
who, visits = os.urandom(8).hex(), 0
def serve(connection):
    global visits
    while connection.recv(4096):
        visits += 1
        body = '{"who": "%s", "visits": %d}' % (who, visits)
        head = "HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
        connection.sendall((head + body).encode())
    connection.close()
server = socket.create_server(("", 9000), backlog=128)
while True:
    connection, _ = server.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
`,
}

describeOnHosts('runs', () => {
  let testbed: TestbedFolder

  beforeAll(async () => {
    testbed = await makeTestbedFolder(5)
    await writeFile(path.join(testbed.path, 'short.yaml'), short)
    const folder = path.join(testbed.path, 'workloads', 'visitors')
    await mkdir(folder, { recursive: true })
    for (const [name, text] of Object.entries(ownWorkload)) await writeFile(path.join(folder, name), text)
    await writeFile(
      path.join(testbed.path, 'own.yaml'),
      short.replace('counter', 'visitors').replace('short', 'own'),
    )
  })

  afterAll(() => testbed.remove())

  const folderOf = (experiment: string) => path.join(testbed.path, 'results', experiment, 'latest')
  const readJson = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as unknown
  const journal = async (folder: string) =>
    (await readFile(path.join(folder, 'trials.jsonl'), 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as TrialRecord)
  const plannedTrials = async (folder: string) => {
    const { order } = (await readJson(path.join(folder, 'plan.json'))) as { order: { id: string }[] }
    return order.map(({ id }) => id)
  }
  const resume = (folder: string) => testbed.startPlain(environment, 'resume', folder)

  /** Ends with 0; with 5 only where this machine was too busy to measure, which the trial says itself. */
  async function expectMeasured(result: CommandLineResult, folder: string): Promise<TrialRecord[]> {
    const records = await journal(folder)
    const faults = records.filter(({ verdict }) => verdict !== 'ok')
    if (faults.some(({ verdict }) => verdict !== 'invalid'))
      throw new Error(JSON.stringify(faults, undefined, 2))
    expectExit(result, faults.length === 0 ? 0 : 5)
    return records
  }

  /** As many runs as it takes, two at most, to have each toolchain measured without a fault of the machine. */
  async function runUntilMeasured(experiment: string, ...args: string[]): Promise<TrialRecord[]> {
    const run = () => testbed.runWith(environment, 'run', `${experiment}.yaml`, ...args)
    const first = await expectMeasured(await run(), folderOf(experiment))
    if (first.every(({ verdict }) => verdict === 'ok')) return first
    const second = await expectMeasured(await run(), folderOf(experiment))
    expect(second.map(({ verdict }) => verdict)).not.toContain('invalid')
    return second
  }

  const survived = (records: readonly TrialRecord[], toolchain: string) =>
    records.filter((one) => one.toolchain === toolchain).map(({ state }) => ({ ...state, findings: [] }))

  test('run: testbed up, two toolchains, one table, testbed down', async () => {
    const before = machineState(testbed.id, marker)
    const records = await runUntilMeasured('short')
    expect(differences(before, machineState(testbed.id, marker))).toEqual([])
    expect(await readdir(testbed.path)).not.toContain('.testbed')
    expect(survived(records, 'docker-checkpoint')).toEqual([
      { memory: 'kept', files: 'kept', connections: 'kept', findings: [] },
    ])
    expect(survived(records, 'docker-commit')).toEqual([
      { memory: 'lost', files: 'kept', connections: 'lost', findings: [] },
    ])
    for (const { metrics } of records) {
      expect(metrics.serviceDowntimeMs).toBeGreaterThan(20)
      expect(metrics.transferredBytes).toBeGreaterThan(4096)
      expect(metrics.resolutionMs).toBe(10)
    }
  })

  test('the run folder holds what the schemas and the design say', async () => {
    const folder = folderOf('short')
    const ajv = new Ajv({ strict: false })
    for (const name of ['trial', 'report', 'plan']) {
      ajv.addSchema((await readJson(path.join(projectFolders.schemas, `${name}.schema.json`))) as object)
    }
    const check = (name: string, value: unknown) => {
      ajv.validate(`${name}.schema.json`, value)
      return ajv.errors ?? []
    }
    expect(check('plan', await readJson(path.join(folder, 'plan.json')))).toEqual([])
    expect(check('report', await readJson(path.join(folder, 'report', 'report.json')))).toEqual([])
    const records = await journal(folder)
    for (const record of records) expect(check('trial', record)).toEqual([])
    expect(await readJson(path.join(folder, 'environment.json'))).toMatchObject({ provider: 'namespaces' })
    for (const { id } of records) {
      const files = await readdir(path.join(folder, 'trials', id))
      expect(files).toEqual(expect.arrayContaining(['timeline.json', 'samples.ndjson.gz']))
    }
    expect((await readdir(path.join(folder, 'report'))).sort()).toEqual(
      expect.arrayContaining(['comparison.csv', 'comparison.md', 'report.json']),
    )
    const printed = await testbed.startPlain({}, 'report', folder, '--format', 'markdown').ended
    expect(printed).toMatchObject({ exitCode: 0, stderr: '' })
    expect(printed.stdout).toBe(await readFile(path.join(folder, 'report', 'comparison.md'), 'utf8'))
  })

  test('killed, interrupted and resumed: each planned trial is there once, with its verdict', async () => {
    const killed = testbed.start(environment, 'run', 'short.yaml', '--repetitions', '2')
    expect(await killed.says(/trial 1\/4/)).toBe(true)
    const [other, down] = await Promise.all([testbed.run('run', 'short.yaml'), testbed.run('down')])
    for (const refused of [other, down]) {
      expect(refused).toMatchObject({ exitCode: 6, stdout: '' })
      expect(refused.stderr).toContain(`✗ testbed ${testbed.name} is in use by process ${killed.child.pid}`)
    }
    expect(await killed.says(/trial 2\/4/)).toBe(true)
    await delay(2000)
    killed.child.kill('SIGKILL')
    await killed.ended
    const folder = folderOf('short')
    const planned = await plannedTrials(folder)
    const beforeResume = await journal(folder)
    expect(beforeResume.map(({ id }) => id)).toEqual(planned.slice(0, 1))

    const interrupted = resume(folder)
    expect(await interrupted.says(/trial 3\/4/)).toBe(true)
    await delay(2000)
    interrupted.child.kill('SIGINT')
    const { exitCode, stderr } = await interrupted.ended
    expect(exitCode).toBe(130)
    expect(stderr).toMatch(/✗ interrupted: 2 of 4 trials are done\n {2}again testbed resume \S+/)
    for (const host of ['host-a', 'host-b']) {
      const containers = await testbed.run('ssh', host, '--', 'docker', 'ps', '--all', '--quiet')
      expect(containers).toMatchObject({ exitCode: 0, stdout: '' })
    }

    const records = await expectMeasured(await resume(folder).ended, folder)
    expect(records.slice(0, 1)).toEqual(beforeResume)
    expect(records.map(({ id }) => id)).toEqual(planned)
    expect(records.map(({ attempt }) => attempt)).toEqual([1, 2, 2, 1])
    const again = await resume(folder).ended
    expect(again.exitCode).toBe(records.every(({ verdict }) => verdict === 'ok') ? 0 : 5)
    expect(await journal(folder)).toEqual(records)
  })

  test("a user's own workload beside the experiment is migrated with its memory", async () => {
    const records = await runUntilMeasured('own', '--only', 'toolchain=docker-checkpoint')
    expect(survived(records, 'docker-checkpoint')).toMatchObject([{ memory: 'kept', connections: 'kept' }])
  })
})
