import { writeFileSync } from 'node:fs'
import { constants, getPriority, setPriority } from 'node:os'
import { runLocal } from '../core/process.ts'

/** What the system let a process have. */
export interface Priority {
  /** -20 (first) to 19. */
  readonly nice: number
  /** Whether it is scheduled as real-time (SCHED_FIFO), before every ordinary process. */
  readonly realTime: boolean
}

/**
 * Lets this process go before all others, as far as the system allows it: a probe that waits for the processor is late.
 * What is not allowed is left as it is.
 */
export async function raisePriority(): Promise<Priority> {
  for (let nice = constants.priority.PRIORITY_HIGHEST; nice < getPriority(); nice++) {
    try {
      setPriority(nice)
    } catch {
      // Not allowed: the next one may be (RLIMIT_NICE).
    }
  }
  try {
    // Linux shares the processor between sessions first where sched_autogroup_enabled is set (sched(7)): there the
    // priority above counts within our own session only, so the session is raised too. It should hold nothing else.
    writeFileSync('/proc/self/autogroup', String(getPriority()))
  } catch {
    // No such file, or not allowed.
  }
  // Even at the highest nice value a process waits until the time slice of another ends, some 4 ms. This one needs a
  // fraction of a core, and the kernel keeps 5 % of each from real-time processes (sched_rt_runtime_us).
  const realTime = await runLocal(['chrt', '--fifo', '--pid', '10', String(process.pid)], { timeoutMs: 2000 })
  return { nice: getPriority(), realTime: realTime.exitCode === 0 }
}
