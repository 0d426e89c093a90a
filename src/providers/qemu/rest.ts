import { processStatus } from '../../core/process-status.ts'
import { type Clock, millisecondsBetween } from '../../core/time.ts'

/** Of one processor. An idle guest takes 3 % under TCG and less under KVM; one that has just been provisioned, 50 to 100. */
const restingShare = 0.1
const windowMs = 1_000
/** Whoever keeps a guest busy for longer does so on purpose. */
const mostMs = 20_000
/** What /proc counts processor time in, on every Linux. */
const ticksPerSecond = 100

/**
 * Waits until a virtual machine has next to nothing to do, at most 20 s. What is at work in a machine when it is saved goes
 * on whenever it is put back, and there its code has to be translated anew: a second of processor time each time.
 * @param pid of its QEMU; of one that has ended there is nothing to wait for
 * @returns whether it came to rest
 */
export async function waitForRest(pid: number, clock: Clock, signal?: AbortSignal): Promise<boolean> {
  const began = clock.monotonicNs()
  let last = await processorSeconds(pid)
  let lastAt = began
  while (millisecondsBetween(began, lastAt) < mostMs) {
    await clock.sleep(windowMs, signal)
    const now = clock.monotonicNs()
    const used = await processorSeconds(pid)
    if (used - last < (restingShare * millisecondsBetween(lastAt, now)) / 1000) return true
    last = used
    lastAt = now
  }
  return false
}

/** User and system time of a process and all its threads: fields 14 and 15 of /proc/PID/stat; 0 where there is none. */
async function processorSeconds(pid: number): Promise<number> {
  const fields = await processStatus(pid)
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond
}
