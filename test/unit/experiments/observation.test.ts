import { describe, expect, it } from 'vitest'
import { observeRecording, type TrialMarks } from '../../../src/experiments/observation.ts'
import type { Sample, StreamName } from '../../../src/probes/sample.ts'
import type { ProbeOptions, Recording } from '../../../src/probes/session.ts'

const ms = (value: number) => BigInt(Math.round(value * 1e6))

const marks: TrialMarks = {
  baselineStart: ms(500),
  baselineEnd: ms(2500),
  migrateStart: ms(3000),
  migrateEnd: ms(4000),
  end: ms(6000),
}

const probe: ProbeOptions = {
  target: { host: '10.88.0.254', port: 8080 },
  spec: { protocol: 'http', path: '/', expectStatus: 200, identity: '/identity', sequence: '/count' },
  ratePerSecond: 100,
  timeoutMs: 5000,
  samplesFile: '/samples.ndjson.gz',
}

/** Answers take 1 ms; those of the evidence (2.5 to 3 s) 40 ms; none come from 3.1 s to `backMs`. */
function stream(name: StreamName, intervalMs: number, backMs: number, lateMs: number): Sample[] {
  return Array.from({ length: 6000 / intervalMs }, (_, k): Sample => {
    const dueMs = k * intervalMs
    const basis = { stream: name, k, due: ms(dueMs), sent: ms(dueMs + lateMs) }
    if (dueMs >= 3100 && dueMs < backMs) {
      if (name === 'connection' && backMs >= 6000) return { ...basis, outcome: 'unanswered' }
      return name === 'service'
        ? { ...basis, done: ms(dueMs + lateMs + 1), outcome: 'refused' }
        : { ...basis, done: ms(backMs + 1), outcome: 'ok' }
    }
    const tookMs = dueMs >= 2500 && dueMs < 3000 ? 40 : 1
    return { ...basis, done: ms(dueMs + lateMs + tookMs), outcome: 'ok', identity: 'first', sequence: k }
  })
}

function recording(backMs: number, lateMs = 0): Recording {
  const samples = [...stream('service', 10, backMs, lateMs), ...stream('connection', 20, backMs, lateMs)]
  const health = {
    due: 600,
    sent: 600,
    lateP50Ms: lateMs,
    lateP99Ms: lateMs,
    lateMaxMs: lateMs,
    stallMaxMs: 0,
  }
  const priority = { nice: 0, realTime: false }
  return {
    samples,
    start: 0n,
    end: marks.end,
    health,
    stalls: [],
    connectionRatePerSecond: 50,
    priority,
    cpuMs: 50,
  }
}

describe('observeRecording', () => {
  it('measures the outage, and the baseline before the evidence was taken', () => {
    const seen = observeRecording(recording(3600), marks, probe)
    expect(seen).toMatchObject({ restored: true, connection: 'survived', continuity: { restarts: 0 } })
    expect(seen.fault).toBeUndefined()
    // From the answer to the probe of 3.09 s to that of 3.6 s.
    expect(seen.metrics.serviceDowntimeMs).toBe(510)
    expect(seen.metrics).toMatchObject({
      failedRequests: 50,
      lostRequestSeconds: 0.5,
      resolutionMs: 10,
      p50BaselineMs: 1,
      p99BaselineMs: 1,
    })
    expect(seen.metrics.connectionDowntimeMs).toBeGreaterThan(500)
  })

  it('has no downtime for a service that never came back', () => {
    const seen = observeRecording(recording(6000), marks, probe)
    expect(seen.restored).toBe(false)
    expect(seen.metrics).not.toHaveProperty('serviceDowntimeMs')
    expect(seen.metrics).not.toHaveProperty('connectionDowntimeMs')
    expect(seen.metrics).not.toHaveProperty('p99DuringMs')
  })

  it('says when the generator was late', () => {
    expect(observeRecording(recording(3600, 9), marks, probe).fault).toContain('late')
  })
})
