import type { RunEvent } from '../experiments/events.ts'
import type { View } from './progress.ts'
import { describePosition, seconds } from './run-text.ts'

/** What programs say is in their logs; of what takes long, a line now and then tells that it goes on. */
const silenceMs = 30_000

/** A line an event, with the seconds since the start: for logs and pipes. */
export function createPlainView(write: (line: string) => void, now = () => performance.now()): View {
  const began = now()
  let wrote = began
  const started = new Map<string, number>()
  const tookOf = (event: { step: string; host?: string }) => {
    return seconds(now() - (started.get(`${event.host} ${event.step}`) ?? now()))
  }
  const progress = (event: RunEvent) => {
    if (event.kind === 'step-started') started.set(`${event.host} ${event.step}`, now())
    const text = event.kind === 'note' && now() - wrote >= silenceMs ? event.text : describe(event, tookOf)
    if (text === undefined) return
    wrote = now()
    const stamp = `[${((now() - began) / 1000).toFixed(1).padStart(7)} s]`
    write(`${stamp} ${'host' in event && event.host !== undefined ? `${event.host}: ` : ''}${text}`)
  }
  return { progress, during: (work) => work() }
}

function describe(
  event: RunEvent,
  tookOf: (event: { step: string; host?: string }) => string,
): string | undefined {
  switch (event.kind) {
    case 'step-started':
      return event.step
    case 'step-done':
      return `${event.step}: done in ${tookOf(event)}${event.note === undefined ? '' : ` (${event.note})`}`
    case 'step-failed':
      return `${event.step}: failed after ${tookOf(event)}`
    case 'warning':
      return `warning: ${event.text}`
    case 'run-started':
      return `run folder ${event.folder}: ${event.total} trials, ${event.finished} done before, seed ${event.seed}`
    case 'trial-started':
      return describePosition(event.position)
    case 'trial-done': {
      const { record, position } = event
      const cause = record.cause === undefined ? '' : ` (${record.cause.step}: ${record.cause.message})`
      const end = `${record.verdict}${cause} in ${seconds(record.durationMs)}`
      return `trial ${position.number}/${position.total} · ${end}`
    }
    case 'reports-written':
      return `reports in ${event.folder}`
    default:
      return undefined
  }
}
