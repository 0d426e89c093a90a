import { Ajv } from 'ajv'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ExperimentDocument, TestbedDocument, WorkloadDocument } from '../../../src/config/documents.ts'
import { componentNames, providerNames } from '../../../src/config/resolved.ts'
import { readSchema, type SchemaName, schemaNames } from '../../../src/config/schema.ts'
import { parseDuration, parseLinkRate, parseRate, parseShare, parseSize } from '../../../src/core/units.ts'

type Schema = { readonly [keyword: string]: unknown }

const schemas = new Map<SchemaName, Schema>()
for (const name of schemaNames) schemas.set(name, await readSchema(name))
const schemaOf = (name: SchemaName): Schema => schemas.get(name) ?? {}
const strictAjv = (): Ajv =>
  new Ajv({ strict: true, allowUnionTypes: true, keywords: ['patternErrorMessage'] })

/** Every property with its path, references followed. */
function propertiesOf(schema: Schema, root: Schema, at = ''): [string, Schema][] {
  const reference = typeof schema.$ref === 'string' ? schema.$ref.replace('#/definitions/', '') : undefined
  const definition =
    reference === undefined ? {} : ((root.definitions as Record<string, Schema>)[reference] ?? {})
  const whole: Schema = { ...definition, ...schema }
  const own = at === '' ? [] : [[at, whole] as [string, Schema]]
  const below = Object.entries((whole.properties ?? {}) as Record<string, Schema>).flatMap(
    ([name, property]) => propertiesOf(property, root, `${at}/${name}`),
  )
  const items = whole.items === undefined ? [] : propertiesOf(whole.items as Schema, root, `${at}/*`)
  return [...own, ...below, ...items]
}

/** The shape of a document as paths, lists merged. */
function pathsOf(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return [at, ...value.flatMap((item) => pathsOf(item, `${at}/*`))]
  if (typeof value !== 'object' || value === null) return at === '' ? [] : [at]
  const below = Object.entries(value).flatMap(([key, item]) => pathsOf(item, `${at}/${key}`))
  return at === '' ? below : [at, ...below]
}

type Complete<Part> = Part extends string | number | boolean
  ? Part
  : Part extends readonly (infer Item)[]
    ? readonly Complete<Item>[]
    : { readonly [Key in keyof Part]-?: Complete<Part[Key]> }

const login = {
  user: 'root',
  port: 22,
  identityFile: '~/.ssh/lab',
  jump: 'bastion',
  serviceInterface: 'eth1',
}
const machine = { name: 'host-a', address: 'node-1', mgmtAddress: '192.168.7.11', ...login }
const testbed: Complete<TestbedDocument> = {
  name: 'default',
  provider: 'auto',
  hosts: [machine, { ...machine, name: 'host-b' }],
  ssh: { ...login, configFile: 'lab.ssh-config', allowKill: true },
  networks: { mgmt: { subnet: '10.87.0.0/24' }, service: { subnet: '10.88.0.0/24' } },
  components: ['docker'],
  sources: { docker: 'distribution', criu: 'auto', kubernetes: 'auto' },
  k3s: { version: 'v1.34.3+k3s1', sha256: '0'.repeat(64), file: 'k3s' },
  kubeadm: { version: 'v1.34.4', folder: 'kubeadm' },
  image: 'debian-13',
  vm: { memory: '1GiB', cpus: 2, disk: '8GiB', accelerator: 'auto', network: 'auto' },
  vagrant: { hypervisor: 'auto', box: 'bento/ubuntu-24.04', boxVersion: '>= 0' },
}
const link = {
  mgmtRate: '1Gbit',
  mgmtDelay: '1ms',
  mgmtLoss: '1%',
  serviceRate: '1Gbit',
  serviceDelay: '1ms',
  serviceLoss: '1%',
}
const cell = {
  toolchain: 'docker-commit',
  workload: 'redis',
  stateSize: '1MiB',
  dirtyRate: '1MiB/s',
  transfer: 'tcp',
  compression: 'zstd',
  gracePeriod: '1s',
  failover: 'tuned',
  probeRate: '9/s',
  ...link,
}
const conditions = { rate: '1Gbit', delay: '1ms', loss: '1%' }
const experiment: Complete<ExperimentDocument> = {
  name: 'all',
  description: 'All keys.',
  axes: {
    toolchain: ['docker-commit'],
    workload: ['redis'],
    stateSize: ['1MiB'],
    dirtyRate: ['1MiB/s'],
    transfer: ['tcp'],
    compression: ['zstd'],
    gracePeriod: ['1s'],
    failover: ['tuned'],
    probeRate: ['9/s'],
    mgmtRate: ['1Gbit'],
    mgmtDelay: ['1ms'],
    mgmtLoss: ['1%'],
    serviceRate: ['1Gbit'],
    serviceDelay: ['1ms'],
    serviceLoss: ['1%'],
  },
  include: [cell],
  exclude: [cell],
  repetitions: 1,
  seed: 1,
  windows: { warmUp: '1s', baseline: '1s', settle: '1s' },
  deadline: '1m',
  probe: { rate: '1/s', timeout: '1s' },
  link: { mgmt: conditions, service: conditions },
}
const { probe, state, ...workload }: Complete<WorkloadDocument> = {
  name: 'all',
  description: 'All keys.',
  image: { packages: ['p-1'], files: [{ source: 'a', target: '/a', mode: '0644' }] },
  command: ['a'],
  environment: {},
  port: 1,
  probe: {
    http: { path: '/', expectStatus: 200, identity: '/a', sequence: '/b' },
    redis: { sequenceKey: 'k' },
    postgres: { database: 'd', user: 'u', sequenceTable: 't' },
  },
  state: {
    http: { path: '/a', size: '1MiB' },
    redis: { size: '1MiB', valueSize: '1KiB' },
    postgres: { size: '1MiB', rowSize: '1KiB' },
  },
  appendedFile: '/a',
  manifest: '/a/b',
  leavesRoot: true,
  stopSignal: 'SIGINT',
  volumes: [{ name: 'a', path: '/a', size: '16MiB' }],
  readyTimeout: '1s',
}

describe.each(schemaNames)('%s', (name) => {
  const root = schemaOf(name)
  const properties = propertiesOf(root, root)

  test('is a valid draft-07 schema, to the strictest reading', () => {
    expect(root.$schema).toBe('http://json-schema.org/draft-07/schema#')
    expect(() => strictAjv().compile(root)).not.toThrow()
  })

  test('describes every property and shows an example', () => {
    const bare = properties.filter(([at]) => !at.endsWith('/*'))
    expect(bare.filter(([, { description }]) => typeof description !== 'string').map(([at]) => at)).toEqual(
      [],
    )
    expect(bare.filter(([, { examples }]) => !Array.isArray(examples)).map(([at]) => at)).toEqual([])
  })

  test('its examples and defaults hold to it', () => {
    for (const [at, { $ref: _, ...property }] of properties) {
      const validate = strictAjv().compile({ ...property, definitions: root.definitions })
      const { examples = [], ...rest } = property
      for (const example of [...(examples as unknown[]), ...('default' in rest ? [rest.default] : [])]) {
        expect(validate(example), `${at}: ${JSON.stringify(example)}`).toBe(true)
      }
    }
  })

  test('refuses unknown keys everywhere', () => {
    const open = [['', root] as const, ...properties].filter(
      ([, schema]) => schema.properties !== undefined && schema.additionalProperties !== false,
    )
    expect(open.map(([at]) => at)).toEqual([])
  })
})

describe('the document types say what the schemas say', () => {
  test.each([
    ['testbed', [testbed], testbed],
    ['experiment', [experiment], experiment],
    [
      'workload',
      [
        { ...workload, probe: { http: probe.http }, state: { http: state.http } },
        {
          ...workload,
          image: 'nginx:1.29',
          probe: { redis: probe.redis },
          state: { redis: state.redis },
        },
        { ...workload, probe: { postgres: probe.postgres }, state: { postgres: state.postgres } },
      ],
      { ...workload, probe, state },
    ],
  ] as const)('%s', (name, documents, whole) => {
    const validate = strictAjv().compile(schemaOf(name))
    for (const document of documents) expect(validate(document), JSON.stringify(validate.errors)).toBe(true)
    const named = propertiesOf(schemaOf(name), schemaOf(name)).map(([at]) => at)
    expect([...new Set(pathsOf(whole))].filter((at) => !at.endsWith('/*')).sort()).toEqual(
      named.filter((at) => !at.endsWith('/*')).sort(),
    )
  })

  test('names of providers and components', () => {
    const { provider, components } = schemaOf('testbed').properties as Record<string, Schema>
    expect(provider?.enum).toEqual(['auto', ...providerNames])
    expect((components?.items as Schema | undefined)?.enum).toEqual([...componentNames])
  })
})

describe('patterns of amounts take what the parsers take', () => {
  const { duration, size, rate, linkRate, share } = schemaOf('experiment').definitions as Record<
    string,
    Schema
  >
  const amount = fc.tuple(
    fc.stringMatching(/^[0-9.]{0,5}$/),
    fc.constantFrom(
      '',
      'ms',
      's',
      'm',
      'h',
      'B',
      'kB',
      'KB',
      'KiB',
      'MiB',
      'GB',
      'Mbit',
      'Gbit',
      '%',
      '/s',
      '/',
      ' s',
      's ',
    ),
  )
  test.each([
    ['duration', duration, parseDuration],
    ['size', size, parseSize],
    ['rate', rate, parseRate],
    ['link rate', linkRate, parseLinkRate],
    ['share', share, parseShare],
  ] as const)('%s', (_, schema, parse) => {
    const pattern = new RegExp(String(schema?.pattern), 'u')
    fc.assert(
      fc.property(amount, ([number, unit]) => {
        const text = `${number}${unit}`
        let refusal = ''
        try {
          parse(text)
        } catch (error) {
          refusal = error instanceof Error ? error.message : ''
        }
        // What no pattern can tell: half a byte.
        if (!refusal.includes('finer')) expect(pattern.test(text), text).toBe(refusal === '')
      }),
      { numRuns: 1000 },
    )
  })
})
