// How long a cluster takes to serve again when a node is lost, by step and setting, beside what Kubernetes' documentation says of each: from
// a run whose axis is `failover`. It measures nothing itself:
//   npm run experiments:run -- experiments/node-loss.yaml --with kubernetes
//   npm run bench:node-loss -- [--run results/node-loss/latest]
// Exits 1 unless every setting was measured, and each takes at least what it says it waits.
import { parseArgs } from 'node:util'
import type { TrialRecord } from '../src/results/record.ts'
import { readRun } from '../src/results/stored-run.ts'
import { failoverSettings } from '../src/toolchains/kubernetes/node-loss.ts'
import { median, printTable } from './support/table.ts'

/** Seconds: `--node-monitor-grace-period`, and what DefaultTolerationSeconds gives every pod. */
const documented = { graceSeconds: 50, tolerationSeconds: 300 }
const graceSecondsBefore132 = 40

const { values: options } = parseArgs({
  options: { run: { type: 'string', default: 'results/node-loss/latest' } },
})
const { records } = await readRun(options.run)

/** Seconds of the phases with those names. */
function secondsOf(trials: readonly TrialRecord[], ...names: readonly string[]): number {
  const of = ({ phases }: TrialRecord) =>
    phases
      .filter(({ name }) => names.includes(name))
      .reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) / 1000
  return median(trials.map(of))
}

const rows = Object.entries(failoverSettings).map(([name, setting]) => {
  const trials = records.filter(
    ({ verdict, factors }) => verdict === 'ok' && String(factors.failover) === name,
  )
  if (trials.length === 0) throw new Error(`${options.run}: failover ${name} has not been measured`)
  const { graceSeconds, tolerationSeconds } = { ...documented, ...setting }
  const [detected, evicted] = [secondsOf(trials, 'detect'), secondsOf(trials, 'evict')]
  // A kubelet is heard of every 10 s: what it said last may be that old when its node is lost.
  if (detected < graceSeconds - 10 || evicted < tolerationSeconds - 1) process.exitCode = 1
  const down = trials.map(({ metrics }) => (metrics.serviceDowntimeMs ?? Number.NaN) / 1000)
  return [
    name,
    String(trials.length),
    detected.toFixed(1),
    String(graceSeconds),
    evicted.toFixed(1),
    String(tolerationSeconds),
    secondsOf(trials, 'schedule', 'start', 'ready', 'endpoint').toFixed(1),
    median(down).toFixed(1),
    `${Math.min(...down).toFixed(1)} … ${Math.max(...down).toFixed(1)}`,
  ]
})
printTable(
  [
    'failover',
    'n',
    'detected s',
    'set to',
    'evicted after s',
    'set to',
    'elsewhere after s',
    'service down s',
    'range',
  ],
  rows,
)
process.stdout.write(
  `documented defaults: a node is given up after ${documented.graceSeconds} s (${graceSecondsBefore132} s before Kubernetes 1.32), its pods ${documented.tolerationSeconds} s later\n`,
)
