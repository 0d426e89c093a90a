// What each round of pre-copy writes, with a workload that is left alone and with ones that are written to: from a run whose
// axis is `dirtyRate`. It measures nothing itself:
//   npm run experiments:run -- experiments/dirty-pages.yaml --testbed qemu
//   npm run bench:rounds -- [--run results/dirty-pages/latest]
// Exits 1 when the second round of the workload that is left alone writes a fifth of the first's pages or more, or when a
// higher rate does not leave more pages to that round.
import { parseArgs } from 'node:util'
import { parseByteRate } from '../src/core/units.ts'
import type { TrialRecord } from '../src/results/record.ts'
import { readRun } from '../src/results/stored-run.ts'
import { median, printTable } from './support/table.ts'

const idleShare = 0.2

const { values: options } = parseArgs({
  options: { run: { type: 'string', default: 'results/dirty-pages/latest' } },
})
const { records } = await readRun(options.run)
const measured = records.filter(({ verdict, phases }) => verdict === 'ok' && roundsOf(phases).length > 1)
const byRate = [...Map.groupBy(measured, ({ factors }) => String(factors.dirtyRate))].sort(
  ([a], [b]) => parseByteRate(a) - parseByteRate(b),
)
if (byRate.length < 2) throw new Error(`${options.run}: no two rates with two rounds of pre-copy each`)

let atLowerRate = -1
const rows = byRate.map(([rate, trials]) => {
  const pagesIn = (round: number) =>
    median(trials.map(({ phases }) => roundsOf(phases)[round]?.pages ?? Number.NaN))
  const [first, second] = [pagesIn(0), pagesIn(1)]
  if ((parseByteRate(rate) === 0 && second >= first * idleShare) || second <= atLowerRate)
    process.exitCode = 1
  atLowerRate = second
  const last = trials.map(
    ({ phases }) => phases.find(({ name }) => name === 'checkpoint')?.details?.pagesWritten,
  )
  const stopped = [...new Set(trials.map(({ phases }) => roundsOf(phases).at(-1)?.stopped))]
  return [
    rate,
    String(trials.length),
    first.toFixed(0),
    second.toFixed(0),
    `${((100 * second) / first).toFixed(1)} %`,
    trials.map(({ phases }) => roundsOf(phases).length).join(', '),
    stopped.join(', '),
    median(last.map(Number)).toFixed(0),
    median(trials.map(({ metrics }) => metrics.frozenMs ?? Number.NaN)).toFixed(0),
  ]
})
const heading = [
  'written at',
  'n',
  'pages, round 1',
  'round 2',
  'share',
  'rounds',
  'because',
  'frozen',
  'frozen ms',
]
printTable(heading, rows)

function roundsOf(phases: TrialRecord['phases']): { readonly pages: number; readonly stopped: string }[] {
  return phases
    .filter(({ name }) => name === 'pre-dump')
    .map(({ details = {} }) => ({
      pages: Number(details.pagesWritten),
      stopped: String(details.stopped ?? ''),
    }))
}
