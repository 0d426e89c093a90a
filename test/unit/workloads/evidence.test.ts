import { expect, test } from 'vitest'
import { takeAftermath, takeEvidence } from '../../../src/workloads/evidence.ts'
import { fakeHost, workloadWith } from './support.ts'

const address = { host: '192.0.2.50', port: 8080 }
const identity = 'b6d2ef551953624bee9b1b6e322ba3e3'
const file = { bytes: 40, sha256: 'aa', repeated: 0 }

/** Answers as a host with a healthy container does. */
function healthy(argv: readonly string[]) {
  if (argv[0] === 'tee' || argv[0] === 'cat') return { stdout: 'token' }
  return { stdout: argv.length === 4 ? `${identity}\n` : `${JSON.stringify(file)}\n` }
}

test('evidence is the exec, a marker and the appended file', async () => {
  const inputs: unknown[] = []
  const { host, ran } = fakeHost((argv, { input }) => {
    inputs.push(input)
    return healthy(argv)
  })
  const workload = workloadWith({ appendedFile: '/var/log/sample' })
  const evidence = await takeEvidence(workload, { host, pid: 42, address }, { token: 'token' })
  expect(evidence).toEqual({
    execIdentity: { value: identity },
    marker: { value: 'token' },
    appendedFile: file,
  })
  expect(ran.map((argv) => argv.join(' ')).sort()).toEqual([
    'sh -s -- 42',
    'sh -s -- 42 /var/log/sample',
    'tee /proc/42/root/migration-testbed.marker',
  ])
  expect(inputs).toContain('token')
  expect(inputs).toContainEqual(expect.stringContaining('at_random=25'))
})

test('a container that cannot be written has no marker, and that is said', async () => {
  const { host } = fakeHost((argv) =>
    argv[0] === 'tee' ? { exitCode: 1, stderr: 'tee: Read-only file system\n' } : healthy(argv),
  )
  const evidence = await takeEvidence(workloadWith(), { host, pid: 42, address }, { token: 'token' })
  expect(evidence.marker).toEqual({ missing: 'tee: Read-only file system' })
})

test('a file that the workload should append to and has not is an error before the migration', async () => {
  const { host } = fakeHost((argv) =>
    argv.length > 4 ? { exitCode: 2, stderr: '/var/log/sample: No such file or directory\n' } : healthy(argv),
  )
  const workload = workloadWith({ appendedFile: '/var/log/sample' })
  await expect(takeEvidence(workload, { host, pid: 42, address }, { token: 'token' })).rejects.toMatchObject({
    kind: 'trial',
    parts: { where: 'host-a', why: ['/var/log/sample: No such file or directory'] },
  })
})

test('Redis that does not answer is an error before the migration, and a finding after it', async () => {
  const { host } = fakeHost(healthy)
  const workload = workloadWith({ probe: { protocol: 'redis', sequenceKey: 'n' } })
  const running = { host, pid: 42, address: { host: '127.0.0.1', port: 1 } }
  await expect(takeEvidence(workload, running, { token: 'token' })).rejects.toMatchObject({
    kind: 'trial',
    message: 'Redis at 127.0.0.1:1 did not answer',
  })
  const evidence = {
    execIdentity: { value: identity },
    marker: { value: 'token' },
    redis: { keys: 1, sha256: 'aa', sequence: 0 },
  }
  expect((await takeAftermath(workload, evidence, running)).redis).toEqual({
    missing: expect.stringContaining('ECONNREFUSED'),
    unasked: true,
  })
})

test('PostgreSQL that does not answer is an error before the migration, and a finding after it', async () => {
  const { host } = fakeHost(healthy)
  const workload = workloadWith({
    probe: { protocol: 'postgres', database: 'd', user: 'u', sequenceTable: 't' },
  })
  const running = { host, pid: 42, address: { host: '127.0.0.1', port: 1 } }
  await expect(takeEvidence(workload, running, { token: 'token' })).rejects.toMatchObject({
    kind: 'trial',
    message: 'PostgreSQL at 127.0.0.1:1 did not answer',
  })
  const evidence = {
    execIdentity: { value: identity },
    marker: { value: 'token' },
    postgres: { ids: [[1, 9]] },
  } as const
  expect((await takeAftermath(workload, evidence, running)).postgres).toEqual({
    missing: expect.stringContaining('ECONNREFUSED'),
    unasked: true,
  })
})

test('afterwards the same is read again, the file as far as it went before', async () => {
  const { host, ran } = fakeHost(healthy)
  const workload = workloadWith({ appendedFile: '/var/log/sample' })
  const evidence = { execIdentity: { value: identity }, marker: { value: 'token' }, appendedFile: file }
  expect(await takeAftermath(workload, evidence, { host, pid: 7, address })).toEqual({
    execIdentity: { value: identity },
    marker: { value: 'token' },
    appendedFile: { value: file },
  })
  expect(ran).toContainEqual(['sh', '-s', '--', '7', '/var/log/sample', '40'])
})

test('afterwards a lost host is a finding, but an interruption is not', async () => {
  const { host } = fakeHost(() => {
    throw new Error('the SSH connection broke')
  })
  const evidence = { execIdentity: { value: identity }, marker: { value: 'token' } }
  const running = { host, pid: 7, address }
  expect((await takeAftermath(workloadWith(), evidence, running)).marker).toEqual({
    missing: 'the SSH connection broke',
    unasked: true,
  })
  const signal = AbortSignal.abort(new Error('interrupted'))
  await expect(takeAftermath(workloadWith(), evidence, running, signal)).rejects.toThrow('interrupted')
})
