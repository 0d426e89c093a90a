// What an engine adds to the same checkpoint: the total time of docker-checkpoint, podman-checkpoint and runc-stop-copy for the
// counter, from a run that has all three, as ratios to the last beside published ones. It measures nothing itself:
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
const totalOf = (name: string) => {
  const cell = cells.find(({ toolchain, workload }) => toolchain === name && workload === 'counter')
  const total = cell?.metrics.totalMs
  if (total === undefined) throw new Error(`${file}: no total time of ${name} with the counter`)
  return total
}
const base = totalOf(reference).median
const rows = Object.entries(published).map(([name, seconds]) => {
  const { median, low, high, n } = totalOf(name)
  return [
    name,
    (median / 1000).toFixed(2),
    `${(low / 1000).toFixed(2)} … ${(high / 1000).toFixed(2)}`,
    String(n),
    (median / base).toFixed(1),
    (seconds / published[reference]).toFixed(1),
  ]
})
printTable(['counter', 'total s', 'interval', 'n', 'ratio', 'published'], rows)
