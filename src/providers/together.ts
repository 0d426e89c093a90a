/**
 * Does the same for all at once. When it fails for one, what is under way for the others is broken off, so that nothing goes
 * on after the error has been told.
 * @throws the first error
 */
export async function together<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal,
  task: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const failure = new AbortController()
  const either = AbortSignal.any([signal, failure.signal])
  const ends = await Promise.allSettled(
    items.map(async (item) => {
      try {
        return await task(item, either)
      } catch (error) {
        failure.abort(error)
        throw error
      }
    }),
  )
  if (signal.aborted) throw signal.reason
  if (failure.signal.aborted) throw failure.signal.reason
  return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
}
