import type { Factors } from '../config/resolved.ts'
import { type CauseCount, countCauses } from './causes.ts'
import { type CellTrials, cellKey } from './cells.ts'
import { randomFrom } from './random.ts'
import {
  type ConnectionEnd,
  connectionEnds,
  type MetricName,
  type TrialRecord,
  type Verdict,
  verdicts,
} from './record.ts'
import { type Rate, ratioOfMedians, type Summary, summarise, wilsonRate } from './statistics.ts'

export type Summaries = Readonly<Partial<Record<MetricName, Summary>>>

export interface StateCounts {
  readonly memory: number
  readonly files: number
  readonly connections: number
}

/** One row of the table: every trial of one toolchain with one workload under the same factors. */
export interface Cell {
  readonly toolchain: string
  readonly workload: string
  readonly factors: Factors
  readonly accelerator?: string
  readonly trials: number
  readonly verdicts: Readonly<Partial<Record<Verdict, number>>>
  /** Trials that ended `ok` or `wrong-state`: they ran to their end, and they alone feed `metrics` and `state`. */
  readonly measured: number
  /** In how many measured trials it was kept. */
  readonly state: StateCounts
  /** In how many measured trials the oracle could tell; 0 where a workload has nothing of the kind. */
  readonly stateKnown: StateCounts
  /** How connections that were open before ended, over the measured trials; an end that none had is absent. */
  readonly connections: Readonly<Partial<Record<ConnectionEnd, number>>>
  /**
   * Share of trials that the toolchain got wrong (`failed`, `timed-out`, `wrong-state`) among those it tried and we
   * could judge: `unsupported` never started, and `invalid` is our fault. Absent when there is none.
   */
  readonly failureRate?: Rate
  /** Why trials did not end `ok`, in the order of the plan. */
  readonly causes: readonly CauseCount[]
  readonly metrics: Summaries
  /** Against the experiment's first toolchain with the same workload and factors; that one itself is 1. */
  readonly ratioToBaseline: Summaries
}

/** Summarises the trials of a cell. `baseline`: the cell it is compared to, itself when it is the baseline. */
export function summariseCell(
  cell: CellTrials,
  baseline: CellTrials | undefined,
  context: { readonly seed: number; readonly accelerator?: string | undefined },
): Cell {
  const { toolchain, workload, factors, trials } = cell
  const measured = trials.filter(isMeasured)
  const rate = failureRateOf(trials)
  return {
    toolchain,
    workload,
    factors,
    ...(context.accelerator === undefined ? {} : { accelerator: context.accelerator }),
    trials: trials.length,
    verdicts: countVerdicts(trials),
    measured: measured.length,
    state: countState(measured, (survival) => survival === 'kept'),
    stateKnown: countState(measured, (survival) => survival !== 'unknown'),
    connections: countConnections(measured),
    ...(rate === undefined ? {} : { failureRate: rate }),
    causes: countCauses(trials),
    metrics: summariseMetrics(cell, context.seed),
    ratioToBaseline: baseline === undefined ? {} : ratiosTo(baseline, cell, context.seed),
  }
}

/** Values of a metric in the measured trials that have it. */
export function valuesOf(trials: readonly TrialRecord[], name: MetricName): number[] {
  return trials.filter(isMeasured).flatMap((trial) => trial.metrics[name] ?? [])
}

/** In the order of the table; phases after them, in the order of their first occurrence. */
export function metricNamesOf(trials: readonly TrialRecord[]): MetricName[] {
  const present = new Set(
    trials.filter(isMeasured).flatMap((trial) => Object.keys(trial.metrics) as MetricName[]),
  )
  const known = metricOrder.filter((name) => present.has(name))
  return [...new Set([...known, ...present])]
}

const metricOrder: readonly MetricName[] = [
  'totalMs',
  'frozenMs',
  'serviceDowntimeMs',
  'unavailableMs',
  'connectionDowntimeMs',
  'transferredBytes',
  'failedRequests',
  'lostRequestSeconds',
  'p50BaselineMs',
  'p99BaselineMs',
  'p99DuringMs',
  'resolutionMs',
]

function isMeasured(trial: TrialRecord): boolean {
  return trial.verdict === 'ok' || trial.verdict === 'wrong-state'
}

function summariseMetrics(cell: CellTrials, seed: number): Summaries {
  // A generator of its own for each metric: another cell in the experiment does not change this one's interval.
  const entries = metricNamesOf(cell.trials).map((name) => {
    const random = randomFrom(`${seed} ${cellKey(cell)} ${name}`)
    return [name, summarise(valuesOf(cell.trials, name), random)] as const
  })
  return Object.fromEntries(entries)
}

function ratiosTo(baseline: CellTrials, cell: CellTrials, seed: number): Summaries {
  const entries = metricNamesOf(cell.trials).flatMap((name) => {
    // The resolution is a property of our probe, not of what is compared.
    if (name === 'resolutionMs') return []
    const values = valuesOf(cell.trials, name)
    const random = randomFrom(`${seed} ${cellKey(cell)} ${name} ratio`)
    const ratio = ratioOfMedians(values, valuesOf(baseline.trials, name), random)
    if (ratio === undefined) return []
    return [[name, baseline === cell ? { median: 1, low: 1, high: 1, n: values.length } : ratio] as const]
  })
  return Object.fromEntries(entries)
}

function countVerdicts(trials: readonly TrialRecord[]): Partial<Record<Verdict, number>> {
  const counts = verdicts.map(
    (verdict) => [verdict, trials.filter((trial) => trial.verdict === verdict).length] as const,
  )
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

function countState(trials: readonly TrialRecord[], counts: (survival: string) => boolean): StateCounts {
  const count = (part: keyof StateCounts) => trials.filter((trial) => counts(trial.state[part])).length
  return { memory: count('memory'), files: count('files'), connections: count('connections') }
}

function countConnections(trials: readonly TrialRecord[]): Partial<Record<ConnectionEnd, number>> {
  const counts = connectionEnds.map(
    (end) => [end, trials.filter(({ connection }) => connection === end).length] as const,
  )
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

function failureRateOf(trials: readonly TrialRecord[]): Rate | undefined {
  const judged = trials.filter((trial) => trial.verdict !== 'unsupported' && trial.verdict !== 'invalid')
  if (judged.length === 0) return undefined
  return wilsonRate(judged.filter((trial) => trial.verdict !== 'ok').length, judged.length)
}
