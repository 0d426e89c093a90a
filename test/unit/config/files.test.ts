import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadExperiment } from '../../../src/config/experiment.ts'
import { packageRoot, projectFolders } from '../../../src/config/paths.ts'
import { loadTestbed } from '../../../src/config/testbed.ts'
import { listWorkloads, loadWorkload } from '../../../src/config/workload.ts'
import { exitCodes, TestbedError } from '../../../src/core/errors.ts'
import { documentsIn, errorText, knownNames, loadByName, testdata } from './load.ts'

const invalid = documentsIn(path.join(testdata, 'invalid'))
const valid = documentsIn(path.join(testdata, 'valid')).filter((file) => file.endsWith('.yaml'))
const validWorkloads = documentsIn(path.join(testdata, 'valid', 'workloads'))
const testbeds = documentsIn(projectFolders.testbeds).filter((file) => file.endsWith('.yaml'))
const experiments = documentsIn(projectFolders.experiments).filter((file) => file.endsWith('.yaml'))
const workloadNames = await listWorkloads(projectFolders.workloads)
const workloads = workloadNames.map((name) => path.join(projectFolders.workloads, name))
const projectNames = { ...knownNames, workloads: [...knownNames.workloads, ...workloadNames] }
const short = (file: string): string => path.relative(packageRoot, file)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'config-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function errorOf(name: string, content: string | Uint8Array): Promise<string> {
  const file = path.join(folder, name)
  await writeFile(file, content)
  return (await errorText(loadByName(file))).replaceAll(`${folder}/`, '')
}

describe('broken files', () => {
  test('there are all the kinds', () => {
    expect(invalid.length).toBeGreaterThanOrEqual(30)
  })

  test.each(invalid.map((file) => [short(file), file]))('%s', async (_, file) => {
    const expected = readFileSync(`${file.replace(/\.yaml$/, '')}.expected.txt`, 'utf8')
    // Paths in messages are relative to the checkout, which is where the tests run.
    expect(`${await errorText(loadByName(file))}\n`).toBe(expected)
  })

  test('are the mistake of whoever wrote them: exit code 2', async () => {
    const error: unknown = await loadByName(invalid[0] ?? '').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TestbedError)
    expect(error).toMatchObject({ kind: 'configuration', exitCode: exitCodes.configuration })
  })

  test('10 MB are refused before they are read', async () => {
    const text = await errorOf('testbed-large.yaml', 'name: x\n'.repeat((10 * 1024 * 1024) / 8))
    expect(text).toBe('✗ testbed-large.yaml: has 10 MiB; a configuration file has at most 1MiB')
  })

  test('thousands of keys are told in time', async () => {
    const keys = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1\n`).join('')
    const text = await errorOf('testbed-keys.yaml', keys)
    expect(text).toContain('testbed-keys.yaml:1:1: the file lacks "name" (first of 20002 problems)')
    expect(text.split('\n')).toContain('    … and 19982 more')
  })

  test('thousands of values are told in time', async () => {
    const values = `components: [${'docker,'.repeat(20_000)}]\n`
    expect(await errorOf('testbed-values.yaml', values)).toContain('stands twice in components')
  })

  test('thousands of brackets are told in time', async () => {
    const text = await errorOf('testbed-deep.yaml', '['.repeat(50_000))
    expect(text).toContain('nested too deeply')
    expect(text.length).toBeLessThan(400)
  })

  test('what is not text', async () => {
    const text = await errorOf('testbed-binary.yaml', new Uint8Array([0x6e, 0xff, 0xfe, 0x0a]))
    expect(text).toBe('✗ testbed-binary.yaml: is not UTF-8 text')
  })

  test('a folder', async () => {
    await mkdir(path.join(folder, 'testbed-folder.yaml'))
    expect(await errorText(loadTestbed(path.join(folder, 'testbed-folder.yaml')))).toMatch(/: is not a file$/)
  })

  test.each(['__proto__', 'constructor', 'toString'])(
    'the key %s is as unknown as any other',
    async (key) => {
      const text = await errorOf('testbed-prototype.yaml', `name: x\nhosts: 2\n${key}: { image: y }\n`)
      expect(text).toContain(`testbed-prototype.yaml:3:1: unknown key "${key}"`)
    },
  )

  test('a value that holds itself', async () => {
    const text = await errorOf('testbed-cycle.yaml', 'name: &x [*x]\nhosts: &y { a: *y }\n')
    expect(text).toContain('name must be text, not a list')
  })
})

describe('missing files', () => {
  test('a bare name is looked for among the testbeds', async () => {
    expect(await errorText(loadTestbed('namespacs'))).toBe(
      [
        '✗ testbed/namespacs.yaml: no such file',
        `    testbed/ has: ${testbeds.map((file) => path.basename(file)).join(', ')}`,
        '  hint  did you mean testbed/namespaces.yaml?',
      ].join('\n'),
    )
  })

  test('a path names what is there', async () => {
    const text = await errorText(loadExperiment('experiments/quikstart.yaml', knownNames))
    expect(text).toContain('✗ experiments/quikstart.yaml: no such file')
    expect(text).toContain('did you mean experiments/quickstart.yaml?')
  })

  test('a missing folder names the folders that are there', async () => {
    const text = await errorText(loadWorkload(path.join(testdata, 'valid', 'workloads', 'sever')))
    expect(text).toContain('test/testdata/valid/workloads/ has: database, server, store, web')
    expect(text).toContain('did you mean test/testdata/valid/workloads/server?')
  })
})

describe('good files', () => {
  test.each(
    [...valid, ...testbeds].filter((file) => !path.basename(file).startsWith('experiment')).map(short),
  )('%s', async (file) => {
    const { value } = await loadTestbed(file)
    expect(value.file).toBe(path.join(packageRoot, file))
  })

  test.each(
    [...valid.filter((file) => path.basename(file).startsWith('experiment')), ...experiments].map(short),
  )('%s', async (file) => {
    const { value } = await loadExperiment(file, projectNames)
    expect(value.axes.map(({ name }) => name)).toEqual(expect.arrayContaining(['toolchain', 'workload']))
  })

  test.each([...validWorkloads, ...workloads].map(short))('%s', async (workload) => {
    const { value } = await loadWorkload(workload)
    expect(value.name).toBe(path.basename(workload))
  })

  test('workloads are listed by folder', async () => {
    expect(await listWorkloads(path.join(testdata, 'valid', 'workloads'))).toEqual([
      'database',
      'server',
      'store',
      'web',
    ])
    expect(await listWorkloads(path.join(testdata, 'nowhere'))).toEqual([])
  })
})

describe('line 1 names the schema, for editors', () => {
  const files = [
    ...testbeds.map((file) => [file, 'testbed'] as const),
    ...experiments.map((file) => [file, 'experiment'] as const),
    ...[...workloads, ...validWorkloads].map(
      (file) => [path.join(file, 'workload.yaml'), 'workload'] as const,
    ),
  ]
  test.each(files.map(([file, schema]) => [short(file), file, schema]))('%s', (_, file, schema) => {
    const [first = ''] = readFileSync(file, 'utf8').split('\n')
    const named = /^# yaml-language-server: \$schema=(\S+)$/.exec(first)?.[1]
    const target = path.resolve(path.dirname(file), named ?? 'none')
    expect(target).toBe(path.join(projectFolders.schemas, `${schema}.schema.json`))
    expect(existsSync(target)).toBe(true)
  })
})
