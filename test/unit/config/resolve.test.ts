import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadExperiment } from '../../../src/config/experiment.ts'
import { packageRoot } from '../../../src/config/paths.ts'
import { loadTestbed } from '../../../src/config/testbed.ts'
import { loadWorkload } from '../../../src/config/workload.ts'
import { formatError } from '../../../src/core/errors.ts'
import { knownNames, testdata } from './load.ts'

const valid = path.join(testdata, 'valid')

describe('a testbed', () => {
  test('gets addresses in order', async () => {
    const { value } = await loadTestbed(path.join(valid, 'testbed-full.yaml'))
    expect(value).toEqual({
      name: 'lab-3',
      file: path.join(valid, 'testbed-full.yaml'),
      provider: 'namespaces',
      hosts: [
        { name: 'alpha', mgmtAddress: '192.168.30.2', serviceAddress: '192.168.30.66' },
        { name: 'beta', mgmtAddress: '192.168.30.3', serviceAddress: '192.168.30.67' },
        { name: 'gamma', mgmtAddress: '192.168.30.4', serviceAddress: '192.168.30.68' },
      ],
      networks: {
        mgmt: { subnet: '192.168.30.0/26', prefixLength: 26, machineAddress: '192.168.30.1' },
        service: {
          subnet: '192.168.30.64/28',
          prefixLength: 28,
          machineAddress: '192.168.30.65',
          workloadAddress: '192.168.30.78',
          workloadMac: '02:42:c0:a8:1e:4e',
        },
      },
      components: ['docker'],
      sources: { docker: 'distribution', criu: 'auto', kubernetes: 'auto' },
      k3s: {},
      kubeadm: {},
      image: 'debian-13',
      vm: { memoryBytes: 2 ** 30, cpus: 2, diskBytes: 8 * 2 ** 30, accelerator: 'auto', network: 'auto' },
      vagrant: { hypervisor: 'auto', boxVersion: '>= 0' },
    })
  })

  test('is completed with defaults, and a number of hosts with names', async () => {
    const { value } = await loadTestbed(path.join(valid, 'testbed-short.yaml'))
    expect(value.provider).toBe('auto')
    expect(value.hosts.map(({ name }) => name)).toEqual(['host-a', 'host-b', 'host-c'])
    expect(value.networks.mgmt.subnet).toBe('10.87.0.0/24')
    expect(value.networks.service).toMatchObject({
      subnet: '10.88.0.0/24',
      workloadAddress: '10.88.0.254',
      workloadMac: '02:42:0a:58:00:fe',
    })
    expect(value.components).toEqual(['docker', 'criu', 'podman', 'volumes'])
    expect(value.image).toBe('auto')
  })

  test('a bare name is a file of testbed/', async () => {
    const { value } = await loadTestbed('namespaces')
    expect(value).toMatchObject({
      provider: 'namespaces',
      file: path.join(packageRoot, 'testbed/namespaces.yaml'),
    })
  })

  test('errors found later point into the file', async () => {
    const { fault } = await loadTestbed(path.join(valid, 'testbed-full.yaml'))
    const error = fault(
      ['networks', 'mgmt', 'subnet'],
      'clashes with a route of this machine',
      'take another',
    )
    expect(formatError(error)).toBe(
      [
        '✗ test/testdata/valid/testbed-full.yaml:9:19: clashes with a route of this machine',
        '    9 │   mgmt: { subnet: 192.168.30.0/26 }',
        '      │                   ^',
        '  hint  take another',
      ].join('\n'),
    )
    expect(fault(['hosts', 1, 'name'], 'is not there').parts.where).toMatch(/:6:11$/)
  })

  test('an error about a default points to what is nearest', async () => {
    const { fault } = await loadTestbed(path.join(valid, 'testbed-short.yaml'))
    expect(fault(['networks', 'mgmt', 'subnet'], 'clashes').parts.where).toMatch(/testbed-short.yaml:2:1$/)
  })
})

describe('an experiment', () => {
  test('keeps its values as written and in order', async () => {
    const { value } = await loadExperiment(path.join(valid, 'experiment-full.yaml'), knownNames)
    expect(value).toEqual({
      name: 'everything',
      description: 'Uses every key.',
      file: path.join(valid, 'experiment-full.yaml'),
      axes: [
        { name: 'workload', values: ['redis'] },
        { name: 'toolchain', values: ['docker-commit', 'docker-checkpoint'] },
        { name: 'stateSize', values: ['16MiB', '64MiB'] },
        { name: 'dirtyRate', values: ['0B/s', '1MiB/s'] },
        { name: 'transfer', values: ['tcp'] },
        { name: 'compression', values: ['none', 'zstd'] },
        { name: 'probeRate', values: ['100/s'] },
      ],
      include: [{ toolchain: 'docker-checkpoint', workload: 'counter', probeRate: '500/s' }],
      exclude: [{ toolchain: 'docker-commit', stateSize: '64MiB' }],
      repetitions: 10,
      seed: 42,
      windows: { warmUpMs: 0, baselineMs: 1500, settleMs: 120_000 },
      deadlineMs: 3_600_000,
      probe: { ratePerSecond: 50, timeoutMs: 250 },
    })
  })

  test('is completed with defaults', async () => {
    const { value } = await loadExperiment(path.join(valid, 'experiment-short.yaml'), knownNames)
    expect(value).toEqual({
      name: 'one-cell',
      file: path.join(valid, 'experiment-short.yaml'),
      axes: [
        { name: 'toolchain', values: ['docker-commit'] },
        { name: 'workload', values: ['counter'] },
      ],
      include: [],
      exclude: [],
      repetitions: 3,
      windows: { warmUpMs: 1000, baselineMs: 3000, settleMs: 3000 },
      probe: { timeoutMs: 5000 },
    })
  })

  test('may use anchors', async () => {
    const { value } = await loadExperiment(path.join(valid, 'experiment-anchors.yaml'), knownNames)
    expect(value.windows).toEqual({ warmUpMs: 1000, baselineMs: 10_000, settleMs: 10_000 })
  })

  test('knows only the names it is told', async () => {
    const file = path.join(valid, 'experiment-short.yaml')
    const none = { toolchains: [], workloads: ['counter'] }
    await expect(loadExperiment(file, none)).rejects.toMatchObject({
      message: 'unknown toolchain "docker-commit"',
    })
  })
})

describe('a workload', () => {
  test('made from packages and files', async () => {
    const folder = path.join(valid, 'workloads', 'server')
    const { value } = await loadWorkload(folder)
    expect(value).toEqual({
      name: 'server',
      description: 'Uses every key of a workload made from packages.',
      file: path.join(folder, 'workload.yaml'),
      folder,
      image: {
        kind: 'packages',
        packages: ['python3-minimal'],
        files: [
          { source: path.join(folder, 'server.py'), target: '/srv/server.py', mode: '0755' },
          { source: path.join(folder, 'static/index.html'), target: '/srv/index.html', mode: '0644' },
        ],
      },
      command: ['python3', '/srv/server.py'],
      environment: { GREETING: 'hello' },
      port: 8080,
      probe: {
        protocol: 'http',
        path: '/count',
        expectStatus: 203,
        identity: '/identity',
        sequence: '/count',
      },
      state: { kind: 'http', sizeBytes: 1_048_576, path: '/fill' },
      appendedFile: '/var/lib/server/log',
      manifest: '/data/manifest',
      volumes: [{ name: 'data', path: '/data', maximumSizeBytes: 16_777_216 }],
      leavesRoot: true,
      stopSignal: 'SIGINT',
      readyTimeoutMs: 10_000,
    })
  })

  test('from an image, with the least that must be said', async () => {
    const { value } = await loadWorkload(path.join(valid, 'workloads', 'web'))
    expect(value).toMatchObject({
      image: { kind: 'reference', reference: 'nginx:1.29' },
      environment: {},
      probe: { protocol: 'http', path: '/', expectStatus: 200 },
      readyTimeoutMs: 30_000,
    })
    expect(value).not.toHaveProperty('state')
    expect(value.probe).not.toHaveProperty('identity')
  })

  test('that is Redis', async () => {
    const { value } = await loadWorkload(path.join(valid, 'workloads', 'store'))
    expect(value.probe).toEqual({ protocol: 'redis', sequenceKey: 'testbed:sequence' })
    expect(value.state).toEqual({ kind: 'redis', sizeBytes: 67_108_864, valueBytes: 65_536 })
  })

  test('that is PostgreSQL', async () => {
    const { value } = await loadWorkload(path.join(valid, 'workloads', 'database'))
    expect(value.probe).toEqual({
      protocol: 'postgres',
      database: 'testbed',
      user: 'testbed',
      sequenceTable: 'probe',
    })
    expect(value.state).toEqual({ kind: 'postgres', sizeBytes: 16_777_216, rowBytes: 8192 })
  })
})
