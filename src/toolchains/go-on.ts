import { messageOf, TestbedError } from '../core/errors.ts'
import type { Host } from '../hosts/host.ts'

/**
 * After a migration that failed when the source's workload had ended: starts it there again from what it left, and says in
 * the error which of the two happened.
 * @throws always: the error, with a line more
 */
export async function goOnAtSource(
  context: { readonly source: Pick<Host, 'name'>; readonly signal: AbortSignal },
  error: unknown,
  takeBack: () => Promise<void>,
  from = 'from its checkpoint',
): Promise<never> {
  context.signal.throwIfAborted()
  const { source } = context
  const ending = await takeBack().then(
    () => `the workload goes on at ${source.name}, ${from}`,
    (reason: unknown) => `the workload could not be taken back at ${source.name}: ${messageOf(reason)}`,
  )
  const parts = error instanceof TestbedError ? error.parts : {}
  throw new TestbedError('trial', messageOf(error), {
    ...parts,
    why: [...(parts.why ?? []), ending],
    cause: error,
  })
}
