import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { projectFolders } from '../../../src/config/paths.ts'
import { runCommandLine } from '../../support/command-line.ts'

// Starts many processes, on a machine that may be slow.
vi.setConfig({ testTimeout: 60_000 })

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'command-line-'))
})
afterAll(() => rm(folder, { recursive: true }))
// Nothing here makes anything.
afterEach(async () => expect(await readdir(folder)).toEqual([]))

const run = (...args: string[]) => runCommandLine(args, { cwd: folder })

test.each([
  [['upp'], "unknown command 'upp'", '(Did you mean up?)'],
  [['up', '--testbad', 'x'], "unknown option '--testbad'", '(Did you mean --testbed?)'],
  [['run'], "missing required argument 'experiment'", 'testbed help'],
  [['up', 'extra'], 'too many arguments', 'testbed help'],
  [['up', '--provider', 'docker'], "argument 'docker' is invalid", 'auto, namespaces, qemu'],
  [['up', '--with', 'crio'], '--with crio: there is no such component', 'docker, criu'],
  [
    ['run', 'quickstart', '--repetitions', '0'],
    '--repetitions 0 is not a whole number from 1',
    '--repetitions 10',
  ],
  [['run', 'quickstart', '--only', 'toolchain=docker-comit'], 'docker-comit', 'docker-commit'],
  [['run', 'quikstart'], 'experiments/quikstart.yaml: no such file', 'quickstart'],
  [['up', '--testbed', 'nowhere.yaml'], 'nowhere.yaml: no such file', ''],
  [['schema', 'tesbed'], 'there is no schema tesbed', 'did you mean testbed?'],
  [['resume', 'nowhere'], 'nowhere', ''],
  [['kubectl', 'get', 'nodes', '--all-namespaces'], 'testbed default has no cluster', 'up --with kubernetes'],
  [['report', '--format', 'pdf', 'nowhere'], "argument 'pdf' is invalid", 'table, markdown, csv, json'],
])('%j: exit code 2, told on stderr alone', async (args, message, help) => {
  const { exitCode, stdout, stderr } = await run(...args)
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  expect(stderr).toMatch(/^✗ /)
  expect(stderr).toContain(message)
  expect(stderr).toContain(help)
  expect(stderr).not.toMatch(/^ +at /m)
})

test('without a command the help is shown, and that is a mistake', async () => {
  const { exitCode, stdout, stderr } = await run()
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  expect(stderr).toContain('Usage: testbed')
})

test('help tells every command and exit code, at once', async () => {
  const durations: number[] = []
  for (let n = 0; n < 5; n += 1) {
    const { exitCode, stdout, stderr, durationMs } = await run('--help')
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    for (const command of ['up', 'down', 'rebuild', 'status', 'doctor', 'run', 'resume', 'report'])
      expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'))
    expect(stdout).toContain('130 interrupted')
    durations.push(durationMs)
  }
  const median = durations.toSorted((a, b) => a - b)[2] ?? Number.POSITIVE_INFINITY
  process.stderr.write(
    `testbed --help: ${median.toFixed(0)} ms, median of 5 (200 ms at most on an idle machine)\n`,
  )
  expect(median).toBeLessThanOrEqual(400)
})

test('every command has help with what it does', async () => {
  for (const command of ['up', 'ssh', 'run', 'compare']) {
    const { exitCode, stdout } = await run(command, '--help')
    expect(exitCode).toBe(0)
    expect(stdout).toContain(`Usage: testbed ${command}`)
  }
})

test('commands about a testbed that is down say so', async () => {
  expect(await run('status')).toMatchObject({ exitCode: 0, stdout: 'testbed default: down\n', stderr: '' })
  expect(JSON.parse((await run('status', '--json')).stdout)).toEqual({
    name: 'default',
    state: 'down',
    hosts: [],
  })
  expect(await run('down')).toMatchObject({ exitCode: 0, stdout: '' })
  for (const args of [['facts'], ['ssh', 'host-a', '--', 'true']]) {
    const { exitCode, stdout, stderr } = await run(...args)
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' })
    expect(stderr).toBe('✗ testbed default is not up\n  hint  bring it up: testbed up\n')
  }
})

test('schema prints the file that editors use', async () => {
  const { stdout } = await run('schema', 'experiment')
  expect(stdout).toBe(await readFile(path.join(projectFolders.schemas, 'experiment.schema.json'), 'utf8'))
})

test('a dry run prints the plan and makes nothing', async () => {
  const { exitCode, stdout, stderr } = await run('run', 'quickstart', '--dry-run', '--repetitions', '1')
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toMatch(/^quickstart: 4 trials on testbed default \(host-a, host-b\), seed \d+\n/)
  const { order } = JSON.parse((await run('run', 'quickstart', '--dry-run', '--json')).stdout)
  expect(order).toHaveLength(12)
})
