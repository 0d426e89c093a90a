import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type MetronomeMemory, metronomeMemory, unset, viewsOf } from './metronome-memory.ts'
import type { Timers } from './schedule.ts'

export interface Metronome extends Timers {
  /** Ends the thread; nothing more is run. */
  close(): Promise<void>
}

/**
 * Timers without the event loop's grain of a millisecond. A thread of its own sleeps until the very instant and then wakes
 * this one; it inherits the scheduling of the thread that calls this, so raise that first. `slots`: how many instants
 * can be waited for at once.
 */
export async function startMetronome(slots: number): Promise<Metronome> {
  const memory = metronomeMemory(slots)
  const { turn, instants } = viewsOf(memory)
  const waiting: ((() => void) | undefined)[] = Array.from({ length: slots })
  const thread = new Worker(threadFile(), { workerData: memory satisfies MetronomeMemory })
  await new Promise<void>((resolve, reject) => {
    thread.once('message', () => resolve())
    thread.once('error', reject)
  })
  thread.on('message', (slot: number) => {
    // It may have been called off, and the slot taken again, while the message was on its way.
    if (Atomics.load(instants, slot) !== unset) return
    const run = waiting[slot]
    waiting[slot] = undefined
    run?.()
  })
  return {
    monotonicNs: () => process.hrtime.bigint(),
    at(instant, run) {
      const slot = waiting.indexOf(undefined)
      if (slot < 0) throw new RangeError(`all ${slots} slots of the metronome are taken`)
      waiting[slot] = run
      Atomics.store(instants, slot, instant)
      Atomics.add(turn, 0, 1)
      Atomics.notify(turn, 0)
      return () => {
        if (waiting[slot] !== run) return
        waiting[slot] = undefined
        Atomics.store(instants, slot, unset)
      }
    },
    close: async () => {
      await thread.terminate()
    },
  }
}

/** The thread's file beside this one, from `src/` as well as from `dist/`. */
function threadFile(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`./metronome-thread.${extension}`, import.meta.url))
}
