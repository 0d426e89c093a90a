import { Listr, ListrLogger, ProcessOutput } from 'listr2'
import type { RunEvent } from '../experiments/events.ts'
import type { View } from './progress.ts'
import { describePosition, seconds } from './run-text.ts'

interface Row {
  /** Steps that have ended, with their durations. */
  readonly done: string[]
  readonly running: Map<string, number>
  task?: { title: string; output: string }
}

const machine = 'this machine'
const trials = 'trials'

/** A row for this machine, one for each host, and one for the trials of a run, drawn by listr2 on stderr. */
export function createLiveView(hosts: readonly string[]): View {
  const rows = new Map<string, Row>(
    [machine, ...hosts, trials].map((name) => [name, { done: [], running: new Map() }]),
  )
  const finished = Promise.withResolvers<void>()
  const redraw = (name: string) => {
    const row = rows.get(name)
    if (row?.task === undefined) return
    const running = [...row.running].map(([step, since]) => `${step} ${seconds(performance.now() - since)}`)
    row.task.title = [name, ...row.done.slice(-4), ...running].join(' · ')
  }
  const tick = () => {
    for (const name of rows.keys()) redraw(name)
  }
  const show = (event: RunEvent) => {
    const name = 'host' in event && event.host !== undefined && rows.has(event.host) ? event.host : machine
    const row = rows.get(name)
    const trialRow = rows.get(trials)
    if (row === undefined || trialRow === undefined) return
    if (event.kind === 'step-started') row.running.set(event.step, performance.now())
    else if (event.kind === 'step-done' || event.kind === 'step-failed') {
      const since = row.running.get(event.step) ?? performance.now()
      row.running.delete(event.step)
      if (row.task !== undefined) row.task.output = '' // its last words belong to the step that has ended
      row.done.push(
        `${event.step} ${event.kind === 'step-failed' ? 'failed' : seconds(performance.now() - since)}`,
      )
    } else if (event.kind === 'trial-started' || event.kind === 'trial-step') {
      trialRow.done.splice(0, trialRow.done.length, describePosition(event.position))
      if (event.kind === 'trial-step') trialRow.done.push(event.step)
    } else if (event.kind === 'warning' && row.task !== undefined) row.task.output = `warning: ${event.text}`
    else if (event.kind === 'note' && row.task !== undefined && row.running.size > 0)
      row.task.output = event.text
    tick()
  }
  return {
    progress: show,
    during: async (work) => {
      const list = new Listr(
        [...rows].map(([name, row]) => ({
          title: name,
          task: async (_: unknown, task: { title: string; output: string }) => {
            row.task = task
            await finished.promise
          },
        })),
        {
          concurrent: true,
          exitOnError: false,
          registerSignalListeners: false,
          renderer: 'default',
          rendererOptions: {
            collapseErrors: false,
            logger: new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) }),
          },
        },
      )
      const drawing = list.run()
      const timer = setInterval(tick, 500)
      try {
        return await work()
      } finally {
        clearInterval(timer)
        for (const [name, row] of rows)
          if (row.done.length === 0 && row.task !== undefined) row.task.title = `${name} · nothing to do`
        finished.resolve()
        await drawing.catch(() => undefined)
      }
    },
  }
}
