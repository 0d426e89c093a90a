import { exitCodes, TestbedError } from '../core/errors.ts'

/** Runs `work` with a signal: Ctrl-C (or TERM, HUP) once aborts it, so that it cleans up; a second time ends the program. */
export async function interruptible<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController()
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted)
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
