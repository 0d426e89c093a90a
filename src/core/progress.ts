/** Progress is told as events; only `cli` draws them. */
export type ProgressEvent =
  | { readonly kind: 'step-started'; readonly step: string; readonly host?: string }
  | { readonly kind: 'step-done'; readonly step: string; readonly host?: string; readonly note?: string }
  | { readonly kind: 'step-failed'; readonly step: string; readonly host?: string; readonly message: string }
  | { readonly kind: 'note'; readonly text: string; readonly host?: string }
  | { readonly kind: 'warning'; readonly text: string; readonly host?: string }

export type Progress = (event: ProgressEvent) => void

/** Tells that `step` starts, runs it, and tells how it ended. `note` words the result. */
export async function step<Result>(
  progress: Progress,
  name: string,
  run: () => Promise<Result>,
  options: { host?: string; note?: (result: Result) => string | undefined } = {},
): Promise<Result> {
  const where = options.host === undefined ? {} : { host: options.host }
  progress({ kind: 'step-started', step: name, ...where })
  try {
    const result = await run()
    const note = options.note?.(result)
    progress({ kind: 'step-done', step: name, ...where, ...(note === undefined ? {} : { note }) })
    return result
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    progress({ kind: 'step-failed', step: name, ...where, message })
    throw error
  }
}
