import { describe, expect, test } from 'vitest'
import type { Aftermath, Evidence } from '../../../src/workloads/evidence.ts'
import { type Observed, weigh } from '../../../src/workloads/judge.ts'
import type { PostgresContent } from '../../../src/workloads/postgres-rows.ts'
import { counterProbe, workloadWith } from './support.ts'

const before: Evidence = { execIdentity: { value: 'a1' }, marker: { value: 'token' } }
const same: Aftermath = { execIdentity: { value: 'a1' }, marker: { value: 'token' } }
const restarted: Aftermath = { ...same, execIdentity: { value: 'b2' } }
const seen: Observed = {
  restarts: 0,
  firstIdentity: 'x',
  lastIdentity: 'x',
  lastSequence: 70,
  rolledBack: 0,
}

describe('a container that knows nothing of being measured', () => {
  const hello = workloadWith()

  test('that was restored keeps both', () => {
    expect(weigh(hello, before, same, { rolledBack: 0 })).toEqual({
      memory: 'kept',
      files: 'kept',
      findings: ['main process: the very one that was started', 'marker file: there, unchanged'],
    })
  })

  test('that was restarted in its file system keeps its files only', () => {
    expect(weigh(hello, before, restarted, undefined)).toMatchObject({ memory: 'lost', files: 'kept' })
  })

  test('that was restarted from its image keeps nothing', () => {
    const after: Aftermath = { ...restarted, marker: { missing: 'cat: No such file or directory' } }
    expect(weigh(hello, before, after, undefined)).toMatchObject({
      memory: 'lost',
      files: 'lost',
      findings: expect.arrayContaining(['marker file: gone (cat: No such file or directory)']),
    })
  })

  test('that runs nowhere cannot be asked', () => {
    const nowhere = { missing: 'it runs nowhere' }
    expect(weigh(hello, before, { execIdentity: nowhere, marker: nowhere }, undefined)).toMatchObject({
      memory: 'unknown',
      files: 'unknown',
    })
  })

  test('whose host could not be asked about a file has not lost it', () => {
    const after: Aftermath = { ...same, marker: { missing: 'the SSH connection broke', unasked: true } }
    expect(weigh(hello, before, after, undefined)).toMatchObject({ memory: 'kept', files: 'unknown' })
  })

  test('whose folder cannot be written is not judged by a marker', () => {
    const unwritable: Evidence = { ...before, marker: { missing: 'Read-only file system' } }
    const after: Aftermath = { ...same, marker: { missing: 'No such file or directory' } }
    expect(weigh(hello, unwritable, after, undefined)).toMatchObject({ memory: 'kept', files: 'unknown' })
  })
})

describe('answers with identity and sequence', () => {
  const counter = workloadWith({ probe: counterProbe })

  test('that go on keep memory', () => {
    expect(weigh(counter, before, same, seen).memory).toBe('kept')
  })

  test.each([
    [
      'of another start',
      { restarts: 1, lastIdentity: 'y' },
      'start identity: restarted, y answers instead of x',
    ],
    ['that went back', { rolledBack: 2 }, 'sequence: rolled back, 2 answers behind an earlier one'],
  ])('%s mean that memory is lost, though the process is the same', (_name, parts, finding) => {
    const judged = weigh(counter, before, same, { ...seen, ...parts })
    expect(judged.memory).toBe('lost')
    expect(judged.findings).toContain(finding)
  })

  test('that never came leave it unknown', () => {
    expect(weigh(counter, before, same, { rolledBack: 0 })).toMatchObject({
      memory: 'unknown',
      files: 'kept',
    })
  })

  test('never turn lost into unknown', () => {
    expect(weigh(counter, before, restarted, { rolledBack: 0 }).memory).toBe('lost')
  })
})

describe('Redis', () => {
  const redis = workloadWith({
    probe: { protocol: 'redis', sequenceKey: 'n' },
    state: { kind: 'redis', sizeBytes: 3000, valueBytes: 1000 },
  })
  const full: Evidence = { ...before, redis: { keys: 3, sha256: 'aa', sequence: 50 } }
  const holding = (parts: Partial<{ keys: number; sha256: string; sequence: number }>): Aftermath => ({
    ...same,
    redis: { value: { keys: 3, sha256: 'aa', sequence: 80, ...parts } },
  })
  const incremented: Observed = { lastSequence: 70, rolledBack: 0, repeated: 0 }

  test('with the same values and every acknowledged increment keeps memory', () => {
    expect(weigh(redis, full, holding({}), incremented)).toMatchObject({
      memory: 'kept',
      findings: expect.arrayContaining(['Redis: all 3 keys are there, with the same values']),
    })
  })

  test.each([
    ['keys', holding({ keys: 2 }), incremented, 'Redis: 2 of 3 keys are there'],
    ['values', holding({ sha256: 'bb' }), incremented, 'Redis: all 3 keys are there, but with other values'],
    [
      'acknowledged increments',
      holding({ sequence: 69 }),
      incremented,
      'Redis: increments lost, 70 was acknowledged and 69 is there',
    ],
    [
      'increments from before the migration',
      holding({ sequence: 49 }),
      undefined,
      'Redis: increments lost, 50 was acknowledged and 49 is there',
    ],
    [
      'increments that were done over',
      holding({}),
      { ...incremented, repeated: 1 },
      'sequence: repeated, 1 answer with a number given before',
    ],
  ])('that lost %s has lost memory', (_name, aftermath, observed, finding) => {
    const judged = weigh(redis, full, aftermath, observed)
    expect(judged.memory).toBe('lost')
    expect(judged.findings).toContain(finding)
  })

  test('that cannot be read is unknown, though its process is there', () => {
    const judged = weigh(redis, full, { ...same, redis: { missing: 'ECONNREFUSED' } }, incremented)
    expect(judged.memory).toBe('unknown')
    expect(judged.findings).toContain('Redis: not asked (ECONNREFUSED)')
  })

  test('without state is judged by its increments alone', () => {
    const { state: _state, ...stateless } = redis
    expect(weigh(stateless, full, holding({ keys: 9, sha256: 'cc' }), incremented).memory).toBe('kept')
  })
})

describe('PostgreSQL', () => {
  const postgres = workloadWith({
    probe: { protocol: 'postgres', database: 'd', user: 'u', sequenceTable: 't' },
    state: { kind: 'postgres', sizeBytes: 3000, rowBytes: 1000 },
  })
  const filled = { rows: 3, sha256: 'aa' }
  const full: Evidence = { ...before, postgres: { filled, ids: [[1, 50]] } }
  const holding = (parts: Partial<PostgresContent>, other: Partial<Aftermath> = {}): Aftermath => ({
    ...same,
    ...other,
    postgres: { value: { filled, ids: [[1, 80]], ...parts } },
  })
  const added: Observed = {
    lastSequence: 70,
    rolledBack: 0,
    repeated: 0,
    acknowledged: [
      [10, 60],
      [62, 70],
    ],
  }

  test('with the same content and every acknowledged row keeps both', () => {
    expect(weigh(postgres, full, holding({}), added)).toEqual({
      memory: 'kept',
      files: 'kept',
      findings: [
        'main process: the very one that was started',
        'sequence: no answer repeated or rolled back',
        'PostgreSQL: all 3 filled rows are there, with the same content',
        'PostgreSQL: every acknowledged row up to 70 is there',
        'marker file: there, unchanged',
      ],
    })
  })

  test('that was started again on its data has lost its memory only', () => {
    const { execIdentity } = restarted
    expect(weigh(postgres, full, holding({}, { execIdentity }), added)).toMatchObject({
      memory: 'lost',
      files: 'kept',
    })
  })

  test('may lack the id of a row that nobody was told of', () => {
    const ids: PostgresContent['ids'] = [
      [1, 60],
      [62, 80],
    ]
    expect(weigh(postgres, full, holding({ ids }), added).files).toBe('kept')
  })

  test.each([
    [
      'rows of its state',
      holding({ filled: { rows: 2, sha256: 'bb' } }),
      added,
      'PostgreSQL: 2 of 3 filled rows are there',
    ],
    [
      'content',
      holding({ filled: { rows: 3, sha256: 'bb' } }),
      added,
      'PostgreSQL: all 3 filled rows are there, but with other content',
    ],
    [
      'the last acknowledged rows',
      holding({ ids: [[1, 67]] }),
      added,
      'PostgreSQL: 3 of 69 acknowledged rows up to 70 lost: 68 to 70',
    ],
    [
      'an acknowledged row in between',
      holding({
        ids: [
          [1, 29],
          [31, 80],
        ],
      }),
      added,
      'PostgreSQL: 1 of 69 acknowledged rows up to 70 lost: 30',
    ],
    [
      'rows from before the migration',
      holding({ ids: [[2, 50]] }),
      undefined,
      'PostgreSQL: 1 of 50 acknowledged rows up to 50 lost: 1',
    ],
    [
      'rows whose ids were given to others',
      holding({}),
      { ...added, repeated: 1 },
      'sequence: repeated, 1 answer with a number given before',
    ],
    [
      'all rows',
      holding({ ids: [], filled: { rows: 0, sha256: 'ee' } }),
      undefined,
      'PostgreSQL: 50 of 50 acknowledged rows up to 50 lost: 1 to 50',
    ],
  ])('that lost %s has lost files, and its memory all the same', (_name, aftermath, observed, finding) => {
    const judged = weigh(postgres, full, aftermath, observed)
    expect(judged).toMatchObject({ memory: 'kept', files: 'lost' })
    expect(judged.findings).toContain(finding)
  })

  test('that cannot be read is unknown, though its marker is there', () => {
    const aftermath = { ...same, postgres: { missing: 'ECONNREFUSED', unasked: true as const } }
    const judged = weigh(postgres, full, aftermath, added)
    expect(judged).toMatchObject({ memory: 'kept', files: 'unknown' })
    expect(judged.findings).toContain('PostgreSQL: not asked (ECONNREFUSED)')
  })

  test('that never acknowledged a row is unknown', () => {
    const none: Evidence = { ...before, postgres: { filled, ids: [] } }
    expect(weigh(postgres, none, holding({ ids: [] }), undefined).files).toBe('unknown')
  })

  test('without state is judged by its rows alone', () => {
    const { state: _state, ...stateless } = postgres
    const rows: Evidence = { ...before, postgres: { ids: [[1, 50]] } }
    const aftermath: Aftermath = { ...same, postgres: { value: { ids: [[1, 80]] } } }
    const { files, findings } = weigh(stateless, rows, aftermath, added)
    expect(files).toBe('kept')
    expect(findings.filter((finding) => finding.startsWith('PostgreSQL'))).toHaveLength(1)
  })
})

describe('a file that is only appended to', () => {
  const workload = workloadWith({ appendedFile: '/log' })
  const logged: Evidence = { ...before, appendedFile: { bytes: 40, sha256: 'aa', repeated: 0 } }
  const logging = (bytes: number, sha256 = 'aa', repeated = 0): Aftermath => ({
    ...same,
    appendedFile: { value: { bytes, sha256, repeated } },
  })

  test.each([
    ['grew', logging(60), 'kept', 'appended file: all 40 bytes are there, 20 new'],
    ['stayed as it was', logging(40), 'kept', 'appended file: all 40 bytes are there, 0 new'],
    ['is shorter', logging(30, 'cc'), 'lost', 'appended file: cut off, 30 of 40 bytes are there'],
    [
      'begins otherwise',
      logging(60, 'bb'),
      'lost',
      'appended file: its first 40 bytes are others than before',
    ],
    ['has lines twice', logging(60, 'aa', 2), 'kept', 'appended file: repeated, 2 lines written twice'],
  ])('that %s', (_name, aftermath, files, finding) => {
    const judged = weigh(workload, logged, aftermath, undefined)
    expect(judged.files).toBe(files)
    expect(judged.findings).toContain(finding)
  })

  test('that is gone is lost, though the marker is there', () => {
    const aftermath = { ...same, appendedFile: { missing: '/log: No such file or directory' } }
    expect(weigh(workload, logged, aftermath, undefined).files).toBe('lost')
  })
})
