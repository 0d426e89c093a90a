import { humanDuration } from '../core/units.ts'
import type { Plan } from '../experiments/plan.ts'
import { columns } from './output.ts'

/** What a dry run prints: the order of the trials, and how long they are expected to take. */
export function describePlan(plan: Plan, estimatedMs: number): string {
  const rows = plan.order.map((trial) => [
    String(trial.index + 1),
    `block ${trial.block}`,
    trial.toolchain,
    trial.workload,
    ...Object.entries(trial.factors).map(([name, value]) => `${name}=${value}`),
  ])
  const hosts = plan.testbed.hosts.map((host) => host.name).join(', ')
  return [
    `${plan.experiment.name}: ${plan.order.length} trials on testbed ${plan.testbed.name} (${hosts}), seed ${plan.seed}`,
    columns(rows),
    `about ${humanDuration(estimatedMs)} without building images and bringing hosts up`,
  ].join('\n')
}
