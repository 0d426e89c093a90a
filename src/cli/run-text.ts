import type { TrialPosition } from '../experiments/events.ts'

/** `trial 7/12 · redis × docker-checkpoint · block 2 · ok 6 · ETA 01:10` */
export function describePosition(position: TrialPosition): string {
  const factors = Object.entries(position.factors).map(([name, value]) => `${name}=${value}`)
  const counts = Object.entries(position.counts).map(([verdict, count]) => `${verdict} ${count}`)
  return [
    `trial ${position.number}/${position.total}`,
    [position.workload, position.toolchain].join(' × '),
    ...factors,
    `block ${position.block}`,
    ...(position.attempt > 1 ? [`attempt ${position.attempt}`] : []),
    ...counts,
    `ETA ${clockText(position.etaMs)}`,
  ].join(' · ')
}

/** `01:10`, minutes and seconds; `2:03:00` from an hour on. */
export function clockText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  const two = (value: number) => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${two(minutes)}:${two(seconds % 60)}`
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
