import { TestbedError } from '../core/errors.ts'
import { type Clock, millisecondsBetween } from '../core/time.ts'
import { offsetOf } from './clock-offset.ts'
import type { Host } from './host.ts'
import { type HostClock, openHostClock } from './host-clock.ts'

/** A wall clock is right when it is this close to ours, as far as the exchange with the host can tell. */
const closeEnoughMs = 10
/** What a host's clock may be off by at most: beyond it, stamps in its logs cannot be put beside the client's. */
const mostMs = 50
/** One step is exact; what is measured on a busy machine is not. */
const attempts = 6

/**
 * Sets a host's wall clock to this machine's: a machine that was put back to a snapshot shows the time of that snapshot.
 * Only for hosts with a clock of their own: what namespace hosts set is the clock of this machine.
 * @returns what it is off by afterwards, milliseconds
 * @throws TestbedError when it cannot be brought within 50 ms
 */
export async function stepClock(host: Host, clock: Clock, signal: AbortSignal): Promise<number> {
  const hostClock = await openHostClock(host, signal)
  try {
    let offMs = await clockErrorMs(hostClock, clock)
    for (let attempt = 0; attempt < attempts && Math.abs(offMs) > closeEnoughMs; attempt += 1) {
      const refused = await hostClock.step(BigInt(Math.round(-offMs * 1e6)))
      if (refused !== undefined) throw cannot(host, refused)
      offMs = await clockErrorMs(hostClock, clock)
    }
    if (Math.abs(offMs) > mostMs) throw cannot(host, `it is still off by ${offMs.toFixed(0)} ms`)
    return offMs
  } finally {
    hostClock.close()
  }
}

function cannot(host: Host, why: string): TestbedError {
  return new TestbedError('testbed', "the host's clock cannot be set", {
    where: host.name,
    why: [why],
    hint: 'does something else set it there (a time service)? testbed rebuild makes the host anew',
  })
}

/** The host's wall clock minus this machine's, milliseconds. */
async function clockErrorMs(hostClock: HostClock, clock: Clock): Promise<number> {
  const { offsetNs } = await offsetOf(hostClock, clock)
  const ours = BigInt(clock.now().getTime()) * 1_000_000n - clock.monotonicNs()
  return millisecondsBetween(ours, offsetNs)
}
