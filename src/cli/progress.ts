import type { RunProgress } from '../experiments/events.ts'

/** What a command shows on stderr while it works. */
export interface View {
  readonly progress: RunProgress
  /** Shows the view while `work` runs, and clears up behind it. */
  during<Result>(work: () => Promise<Result>): Promise<Result>
}

/** Live rows on a terminal; plain lines without one. @param hosts each gets a row of its own */
export async function createView(hosts: readonly string[]): Promise<View> {
  const live = process.stderr.isTTY === true && process.env.CI === undefined
  if (live) return (await import('./live-view.ts')).createLiveView(hosts)
  return (await import('./plain-view.ts')).createPlainView((line) => process.stderr.write(`${line}\n`))
}
