import { exitCodes, TestbedError } from '../core/errors.ts'

/** The terminal sends Ctrl-C to us and to npm, which passes it on: within this time it is the same one, heard twice. */
const echoMs = 300

/** Runs `work` with a signal: Ctrl-C (or TERM, HUP) once aborts it, so that it cleans up; a second time ends the program. */
export async function interruptible<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController()
  let firstAt = 0
  const onSignal = () => {
    if (controller.signal.aborted) {
      if (performance.now() - firstAt < echoMs) return
      process.exit(exitCodes.interrupted)
    }
    firstAt = performance.now()
    process.stderr.write('\nstopping: cleaning up first (again to stop at once)\n')
    controller.abort(
      new TestbedError('interrupted', 'interrupted', { hint: 'testbed down removes what was half made' }),
    )
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, onSignal)
  try {
    return await work(controller.signal)
  } finally {
    for (const name of signals) process.off(name, onSignal)
  }
}
