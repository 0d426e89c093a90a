import type { ResolvedTestbed } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import type { Provider } from '../providers/provider.ts'

/** @throws TestbedError `prerequisite` where no client on this machine can reach the workload */
export function requireMeasurable(provider: Provider, testbed: ResolvedTestbed): void {
  const reason = provider.unmeasurable?.(testbed)
  if (reason === undefined) return
  throw new TestbedError('prerequisite', 'this testbed can be used, but nothing can be measured on it', {
    where: testbed.file,
    why: [reason.why],
    hint: reason.hint,
  })
}
