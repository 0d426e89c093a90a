import type { TrialRecord } from '../../../src/results/record.ts'

/** A trial that ended `ok`, with whatever the test is about in its place. */
export function trialRecord(parts: Partial<TrialRecord> = {}): TrialRecord {
  const index = parts.index ?? 0
  return {
    version: 1,
    id: `${String(index + 1).padStart(3, '0')}-b1-counter-docker-commit`,
    index,
    block: 1,
    attempt: 1,
    toolchain: 'docker-commit',
    workload: 'counter',
    factors: {},
    verdict: 'ok',
    startedAt: '2026-11-22T01:04:12.000Z',
    durationMs: 9000,
    source: 'host-a',
    destination: 'host-b',
    state: { memory: 'kept', files: 'kept', connections: 'lost', findings: [] },
    metrics: { totalMs: 1000, serviceDowntimeMs: 800, resolutionMs: 5 },
    phases: [],
    warnings: [],
    ...parts,
  }
}
