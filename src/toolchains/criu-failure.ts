import { messageOf, TestbedError } from '../core/errors.ts'
import type { Host } from '../hosts/host.ts'
import { dumpMetAChange, saveCriuWork } from './criu-work.ts'
import type { TrialContext } from './toolchain.ts'

const saveDeadlineMs = 10_000
const dumps = 3

/**
 * Engines say little of what CRIU met: its log, saved beside the trial, says it.
 * @param findings what was found out beside, a sentence each
 * @throws the error with CRIU's own words; the signal's reason when the trial was told to stop
 */
export async function explainFailure(
  context: TrialContext,
  host: Host,
  side: 'dump' | 'restore',
  error: unknown,
  findings: readonly string[] = [],
): Promise<never> {
  const { errors } = await saveCriuWork(
    host,
    side,
    context.folder,
    AbortSignal.timeout(saveDeadlineMs * context.patience),
  ).catch(
    () => ({ errors: [] }), // a host that is gone has no log
  )
  context.signal.throwIfAborted()
  const own = error instanceof TestbedError ? (error.parts.why ?? []) : []
  throw new TestbedError('trial', messageOf(error), {
    where: host.name,
    why: [...own.slice(-2), ...errors.slice(-4), ...findings],
    hint: `CRIU's whole log is saved beside the trial: criu-${host.name}/${side}.log`,
    log: `${context.folder}/criu-${host.name}/${side}.log`,
    cause: error,
  })
}

/**
 * CRIU gives a dump up when a process was just being forked or ending as it froze, as that of a connection which comes or goes, and the
 * workload goes on: it is made again, twice at most. @param details says how often, when it was
 */
export async function dumpPastChanges<Result>(
  { signal }: TrialContext,
  host: Host,
  details: Record<string, number | string>,
  dump: () => Promise<Result>,
): Promise<Result> {
  for (let again = 1; ; again++) {
    try {
      return await dump()
    } catch (error) {
      signal.throwIfAborted()
      if (again === dumps || !(await dumpMetAChange(host, signal))) throw error
      details.dumpedAgain = again
    }
  }
}
