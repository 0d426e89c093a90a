// How long the life of a testbed takes, against the limits that the project set itself, with a warm cache.
//   npm run bench:lifecycle -- [--repetitions 5]
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../src/config/paths.ts'
import { mustRunLocal } from '../src/core/process.ts'
import { median, printTable } from './support/table.ts'

const { values: options } = parseArgs({ options: { repetitions: { type: 'string', default: '5' } } })
const repetitions = Number(options.repetitions)
const testbed = ['--testbed', join(import.meta.dirname, 'support/testbed.yaml')]

/** Seconds that the command line takes, process start included. */
async function time(args: readonly string[]): Promise<number> {
  const started = performance.now()
  await mustRunLocal([process.execPath, join(packageRoot, 'bin/testbed.js'), ...args], {
    timeoutMs: 30 * 60_000,
  })
  return (performance.now() - started) / 1000
}

const steps = [
  { name: 'testbed --help', args: ['--help'], limit: 0.2 },
  { name: 'testbed up', args: ['up', ...testbed], limit: 20 },
  { name: 'testbed up, again', args: ['up', ...testbed], limit: 20 },
  { name: 'testbed rebuild', args: ['rebuild', ...testbed], limit: 8 },
  { name: 'testbed down', args: ['down', ...testbed], limit: 3 },
]
const times = new Map<string, number[]>(steps.map((step) => [step.name, []]))

await time(['up', ...testbed]) // fills the cache where it is cold
await time(['down', ...testbed])
try {
  for (let n = 0; n < repetitions; n += 1) {
    for (const step of steps) times.get(step.name)?.push(await time(step.args))
  }
} finally {
  await time(['down', ...testbed])
}
const rows = steps.map(({ name, limit }) => {
  const all = times.get(name) ?? []
  const worst = Math.max(...all)
  if (worst > limit) process.exitCode = 1
  return [
    name,
    median(all).toFixed(2),
    worst.toFixed(2),
    limit.toFixed(1),
    (worst / limit).toFixed(2),
    String(all.length),
  ]
})
printTable(['command (two hosts)', 'median s', 'worst s', 'limit s', 'worst ÷ limit', 'n'], rows)
