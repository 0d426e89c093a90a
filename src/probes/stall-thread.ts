import { parentPort, workerData } from 'node:worker_threads'
import { noteStall, type StallMemory } from './stall-memory.ts'

// A thread of stall-watch.ts: sleeps for two milliseconds at a time, which costs 2 % of a processor, and notes the sleeps
// that ended more than one late. What of a standstill falls into the sleep itself is not seen.

const memory = workerData as StallMemory
const bed = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
const sleepMs = 2
const sleepNs = 2_000_000n
const shortestNs = 1_000_000n
parentPort?.postMessage('started')
for (let woke = process.hrtime.bigint(); ; ) {
  Atomics.wait(bed, 0, 0, sleepMs)
  const now = process.hrtime.bigint()
  const due = woke + sleepNs
  if (now - due > shortestNs) noteStall(memory, due, now)
  woke = now
}
