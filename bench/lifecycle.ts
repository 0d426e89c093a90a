// How long the life of a testbed takes, against the limits that the project set itself, with a warm cache.
//   npm run bench:lifecycle -- [--repetitions 5]
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { timeCommand } from './support/command-line.ts'
import { median, printTable } from './support/table.ts'

const { values: options } = parseArgs({ options: { repetitions: { type: 'string', default: '5' } } })
const repetitions = Number(options.repetitions)
const testbed = ['--testbed', join(import.meta.dirname, 'support/testbed.yaml')]

const steps = [
  { name: 'testbed --help', args: ['--help'], limit: 0.2 },
  { name: 'testbed up', args: ['up', ...testbed], limit: 20 },
  { name: 'testbed up, again', args: ['up', ...testbed], limit: 20 },
  { name: 'testbed rebuild', args: ['rebuild', ...testbed], limit: 8 },
  { name: 'testbed down', args: ['down', ...testbed], limit: 3 },
]
const times = new Map<string, number[]>(steps.map((step) => [step.name, []]))

await timeCommand(['up', ...testbed]) // fills the cache where it is cold
await timeCommand(['down', ...testbed])
try {
  for (let n = 0; n < repetitions; n += 1) {
    for (const step of steps) times.get(step.name)?.push(await timeCommand(step.args))
  }
} finally {
  await timeCommand(['down', ...testbed])
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
