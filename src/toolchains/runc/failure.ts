import { messageOf, TestbedError } from '../../core/errors.ts'
import { waitUntilAnswering } from '../../probes/ready.ts'
import { saveCriuWork } from '../criu-work.ts'
import type { Side } from '../side.ts'
import type { TrialContext } from '../toolchain.ts'
import { runScript } from './host-side.ts'

const rescueMs = 20_000
const answerMs = 5000

/**
 * Ends what is under way, saves CRIU's logs, clears the destination and lets the workload go on at the source where CRIU
 * allows it. Answers the error to throw: it says which of the two happened.
 */
export async function explainFailure(
  context: TrialContext,
  sides: readonly Side[],
  error: unknown,
  move: { readonly restored: boolean; readonly failedPhase: string | undefined },
): Promise<TestbedError> {
  const { source, destination, folder } = context
  const signal = AbortSignal.timeout(rescueMs)
  const own = error instanceof TestbedError ? error.parts : {}
  const side = own.where === source.name || move.failedPhase === 'checkpoint' ? 'dump' : 'restore'
  const host = side === 'dump' ? source : destination
  const [dump, restore] = await Promise.all([
    saveCriuWork(source, 'dump', folder, signal).catch(nothing),
    saveCriuWork(destination, 'restore', folder, signal).catch(nothing),
  ])
  const fate = move.restored ? 'the workload runs at the destination' : await rescue(context, sides)
  const { errors } = side === 'dump' ? dump : restore
  return new TestbedError('trial', messageOf(error), {
    where: own.where ?? host.name,
    why: [...(own.why ?? []).slice(-3), ...errors.slice(-3), fate],
    hint: own.hint ?? `CRIU's whole log is saved beside the trial: criu-${host.name}/${side}.log`,
    log: `${folder}/criu-${host.name}/${side}.log`,
    cause: error,
  })
}

const nothing = () => ({ errors: [] as readonly string[] })

/** First the destination: nothing may answer there any more when the source goes on. */
async function rescue(context: TrialContext, sides: readonly Side[]): Promise<string> {
  const { source, destination } = context
  const signal = AbortSignal.timeout(rescueMs)
  for (const side of sides) if (side.host !== source) side.kill()
  const cleared = await runScript(destination, 'remove', 'removal of the bundle', { signal }).then(
    () => undefined,
    (error: unknown) => `${destination.name} could not be cleared: ${messageOf(error)}`,
  )
  for (const side of sides) side.endInput()
  const said = await runScript(source, 'rescue', 'rescue of the workload', { signal }).catch(messageOf)
  const lines = said.split('\n')
  const locks = lines.slice(0, -1).map((line) => `a lock of CRIU was left and is removed: ${line}`)
  const serves = /^serves \d+$/.test(lines.at(-1) ?? '')
  const fate = !serves
    ? `the workload is gone: ${lines.at(-1) === 'gone' ? 'its process at the source has ended' : said}`
    : (await answers(context))
      ? `the workload goes on at ${source.name}`
      : `the workload's process is still at ${source.name}, but it answers no more`
  return [fate, ...locks, ...(cleared === undefined ? [] : [cleared])].join('; ')
}

/** A process that was left in the middle of a dump can be there and do nothing. */
async function answers({ service, workload }: TrialContext): Promise<boolean> {
  const address = { host: service.address, port: service.port }
  return await waitUntilAnswering(address, workload.probe, answerMs, AbortSignal.timeout(answerMs * 2)).then(
    () => true,
    () => false,
  )
}
