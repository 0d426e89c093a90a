import { readdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { runLocal } from '../core/process.ts'
import { type StallMemory, stallMemory, stallsIn } from './stall-memory.ts'

/** A time in which a processor of this machine ran nothing that was due; monotonic nanoseconds. */
export interface Stall {
  readonly from: bigint
  readonly to: bigint
}

export interface StallWatch {
  /** Forgets what was seen so far. */
  begin(): void
  /** Every stall longer than 1 ms since `begin`, in the order in which they began. */
  seen(): Stall[]
}

/** A stall of the whole machine shows on each processor; more threads would only use them up. */
const mostProcessors = 4

/**
 * Watches the processors of this machine: a thread on each wakes every other millisecond and notes when it came late. A machine
 * that shares its processors with others (a virtual one) stands still now and then without being told, and with it
 * stand the client and every workload on namespace hosts. The threads inherit the scheduling of the one that calls this.
 */
export async function watchStalls(): Promise<StallWatch> {
  const memories: StallMemory[] = []
  for (let cpu = 0; cpu < Math.min(availableParallelism(), mostProcessors); cpu++) {
    const memory = stallMemory()
    const before = new Set(await threads())
    const thread = new Worker(threadFile(), { workerData: memory })
    await new Promise<void>((resolve, reject) => {
      thread.once('message', () => resolve())
      thread.once('error', reject)
    })
    thread.unref()
    // Where it may not be pinned it watches whichever processor it is given.
    for (const id of await threads()) {
      if (!before.has(id))
        await runLocal(['taskset', '--pid', '--cpu-list', String(cpu), id], { timeoutMs: 2000 })
    }
    memories.push(memory)
  }
  return {
    begin: () => {
      for (const { count } of memories) Atomics.store(count, 0, 0)
    },
    seen: () => memories.flatMap(stallsIn).sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0)),
  }
}

async function threads(): Promise<string[]> {
  return await readdir('/proc/self/task').catch(() => [])
}

/** The thread's file beside this one, from `src/` as well as from `dist/`. */
function threadFile(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`./stall-thread.${extension}`, import.meta.url))
}
