import { cpSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot, projectFolders } from '../../src/config/paths.ts'
import { listWorkloads } from '../../src/config/workload.ts'
import { type CommandLineResult, runCommandLine } from '../support/command-line.ts'
import { said } from '../support/machine-state.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { makeTestbedFolder } from '../support/testbed-folder.ts'
import { documentsIn, testdata } from '../unit/config/load.ts'

/** Messages show paths from the working directory: the files stand there where they stand in the checkout. */
const broken = path.join('test', 'testdata', 'invalid')
const documents = documentsIn(path.join(testdata, 'invalid')).map((file) => path.basename(file))
const workloads = await listWorkloads(projectFolders.workloads)
const netns = () => said('ip', 'netns', 'list')

let folder: string
const results = new Map<string, CommandLineResult>()
let filesBefore: string[]
let netnsBefore: string[]

/** Every command that would make something of the file, two at a time. */
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'invalid-'))
  await mkdir(path.join(folder, broken), { recursive: true })
  await cp(path.join(packageRoot, broken), path.join(folder, broken), { recursive: true })
  const ownWorkloads = documents.filter((name) => name.startsWith('workload'))
  for (const name of ownWorkloads) {
    cpSync(path.join(folder, broken, name), path.join(folder, 'workloads', name), { recursive: true })
    const axes = `axes: { toolchain: docker-commit, workload: ${name} }\n`
    await writeFile(path.join(folder, `${name}.yaml`), `name: own\n${axes}`)
  }
  await writeFile(path.join(folder, broken, 'testbed-large.yaml'), 'name: x\n'.repeat((10 * 1024 * 1024) / 8))
  filesBefore = (await readdir(folder, { recursive: true })).sort()
  netnsBefore = netns()
  const commands = [...documents, 'testbed-large.yaml'].map((name) => ({ name, args: argumentsFor(name) }))
  const next = async () => {
    for (let one = commands.shift(); one !== undefined; one = commands.shift()) {
      results.set(one.name, await runCommandLine(one.args, { cwd: folder }))
    }
  }
  await Promise.all([next(), next()])
})

afterAll(() => rm(folder, { recursive: true, force: true }))

function argumentsFor(name: string): string[] {
  const file = path.join(broken, name)
  if (name.startsWith('testbed')) return ['up', '--testbed', file]
  return name.startsWith('experiment') ? ['run', file] : ['run', `${name}.yaml`]
}

/** The message of the checkout's own test, with the names that only the real project knows. */
function expectedFor(name: string): string {
  const text = readFileSync(
    path.join(testdata, 'invalid', `${name.replace(/\.yaml$/, '')}.expected.txt`),
    'utf8',
  )
  const known = text.replace(
    /^( +allowed {2}counter), redis$/gm,
    `$1${workloads
      .filter((one) => one !== 'counter')
      .map((one) => `, ${one}`)
      .join('')}`,
  )
  return name.startsWith('workload') ? known.replaceAll(`${broken}/`, 'workloads/') : known
}

describe('broken files through the command line', () => {
  test.each(documents)('%s: exit code 2, its message on stderr, nothing on stdout', (name) => {
    expect(results.get(name)).toMatchObject({ exitCode: 2, stdout: '', stderr: expectedFor(name) })
  })

  test('a file of 10 MB is refused', () => {
    const stderr = `✗ ${broken}/testbed-large.yaml: has 10 MiB; a configuration file has at most 1MiB\n`
    expect(results.get('testbed-large.yaml')).toMatchObject({ exitCode: 2, stdout: '', stderr })
  })

  test('nothing is made', async () => {
    expect((await readdir(folder, { recursive: true })).sort()).toEqual(filesBefore)
    expect(netns()).toEqual(netnsBefore)
  })
})

describeOnHosts('a testbed that clashes with the machine', () => {
  test('a subnet that the machine reaches already is refused before anything is made', async () => {
    const testbed = await makeTestbedFolder(3)
    said('ip', 'route', 'add', 'unreachable', '10.97.3.64/26')
    try {
      const { exitCode, stdout, stderr } = await testbed.run('up')
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
      expect(stderr).toContain('testbed.yaml:5:19: 10.97.3.0/24 overlaps 10.97.3.64/26')
      expect(stderr).toContain('choose another private subnet for mgmt')
      expect(await readdir(testbed.path)).toEqual([testbed.file])
    } finally {
      said('ip', 'route', 'del', 'unreachable', '10.97.3.64/26')
      await testbed.remove()
    }
  })
})
