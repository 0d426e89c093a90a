// What an engine adds to the same checkpoint: the total time of docker-checkpoint, podman-checkpoint and runc-stop-copy for the
// counter, from a run that has all three, as ratios to the last beside published ones. Those are of checkpoint and restore
// alone, without staging and moving the bytes; so these are here too. It measures nothing itself:
//   npm run experiments:run -- experiments/criu-family.yaml
//   npm run bench:engines -- [--run results/criu-family/latest]
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Comparison } from '../src/results/comparison.ts'
import { printTable } from './support/table.ts'

/** Seconds of checkpoint and restore in all: Scheuer, Pi, Wang, ReSync, Table I (one container, the same state in each). */
const published = { 'docker-checkpoint': 5.1, 'podman-checkpoint': 1.03, 'runc-stop-copy': 0.39 }
const reference = 'runc-stop-copy'

const { values: options } = parseArgs({
  options: { run: { type: 'string', default: 'results/criu-family/latest' } },
})
const file = join(options.run, 'report', 'report.json')
const { cells } = JSON.parse(await readFile(file, 'utf8')) as Comparison
const metricsOf = (name: string) => {
  const cell = cells.find(({ toolchain, workload }) => toolchain === name && workload === 'counter')
  const { totalMs, 'phase.checkpointMs': checkpointMs, 'phase.restoreMs': restoreMs } = cell?.metrics ?? {}
  if (totalMs === undefined || checkpointMs === undefined || restoreMs === undefined)
    throw new Error(`${file}: ${name} with the counter has not been measured`)
  return { totalMs, engineMs: checkpointMs.median + restoreMs.median }
}
const base = metricsOf(reference)
const rows = Object.entries(published).map(([name, seconds]) => {
  const { totalMs, engineMs } = metricsOf(name)
  return [
    name,
    (totalMs.median / 1000).toFixed(2),
    `${(totalMs.low / 1000).toFixed(2)} … ${(totalMs.high / 1000).toFixed(2)}`,
    String(totalMs.n),
    (totalMs.median / base.totalMs.median).toFixed(1),
    (engineMs / 1000).toFixed(2),
    (engineMs / base.engineMs).toFixed(1),
    (seconds / published[reference]).toFixed(1),
  ]
})
printTable(
  ['counter', 'total s', 'interval', 'n', 'ratio', 'checkpoint + restore s', 'ratio', 'published'],
  rows,
)
