import { parentPort, workerData } from 'node:worker_threads'
import { noteStall, type StallMemory } from './stall-memory.ts'

// A thread of stall-watch.ts: sleeps for a millisecond at a time and notes the sleeps that took two or more.

const memory = workerData as StallMemory
const bed = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
const sleepMs = 1
const sleepNs = 1_000_000n
const longestNs = 2n * sleepNs
parentPort?.postMessage('started')
for (let woke = process.hrtime.bigint(); ; ) {
  Atomics.wait(bed, 0, 0, sleepMs)
  const now = process.hrtime.bigint()
  if (now - woke > longestNs) noteStall(memory, woke + sleepNs, now)
  woke = now
}
