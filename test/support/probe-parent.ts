import { setTimeout as delay } from 'node:timers/promises'
import { startProbes } from '../../src/probes/session.ts'

// Starts probes and waits to be killed: node probe-parent.ts PORT SAMPLES-FILE. Prints a line once they run.

const [port, samplesFile = ''] = process.argv.slice(2)
await startProbes(
  {
    target: { host: '127.0.0.1', port: Number(port) },
    spec: { protocol: 'http', path: '/', expectStatus: 200 },
    ratePerSecond: 50,
    timeoutMs: 1000,
    samplesFile,
  },
  new AbortController().signal,
)
process.stdout.write('running\n')
await delay(60_000)
