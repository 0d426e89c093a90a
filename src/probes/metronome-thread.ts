import { parentPort, workerData } from 'node:worker_threads'
import { type MetronomeMemory, unset, viewsOf } from './metronome-memory.ts'

// The metronome's thread: started by metronome.ts. It has no event loop to speak of: it sleeps until the next instant,
// or until another one is set, and tells which slots have come.

const { turn, instants } = viewsOf(workerData as MetronomeMemory)
parentPort?.postMessage('started')
for (;;) {
  // Read first: what is set while the slots are looked at makes the sleep end at once.
  const seen = Atomics.load(turn, 0)
  const now = process.hrtime.bigint()
  let next: bigint | undefined
  for (let slot = 0; slot < instants.length; slot++) {
    const instant = Atomics.load(instants, slot)
    if (instant === unset) continue
    if (instant > now) {
      if (next === undefined || instant < next) next = instant
    } else if (Atomics.compareExchange(instants, slot, instant, unset) === instant) {
      parentPort?.postMessage(slot)
    }
  }
  Atomics.wait(turn, 0, seen, next === undefined ? Number.POSITIVE_INFINITY : Number(next - now) / 1e6)
}
