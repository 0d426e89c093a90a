import { TestbedError } from '../core/errors.ts'
import { makeProvider } from '../providers/select.ts'
import { contextFor } from './context.ts'
import type { RunningTestbed } from './running.ts'

/** @throws TestbedError `prerequisite` where no client on this machine can reach the workload */
export function requireMeasurable({ testbed, provider }: RunningTestbed): void {
  const made = makeProvider(
    provider,
    contextFor(testbed.name, () => {}),
  )
  const reason = made.unmeasurable?.(testbed)
  if (reason === undefined) return
  throw new TestbedError('prerequisite', 'this testbed can be used, but nothing can be measured on it', {
    where: testbed.file,
    why: [reason.why],
    hint: reason.hint,
  })
}
