/** One of the numbered values that a state is made of. */
export interface StateValue {
  readonly number: number
  readonly content: Buffer
}

/** What is on the way to the workload at a time. */
const batchBytes = 4 * 1024 * 1024
const batchValues = 2000

/** `bytes` of `next`, cut into values of `valueBytes` (the last one is as short as it has to be), some at a time. */
export function* valueBatches(
  bytes: number,
  valueBytes: number,
  next: (length: number) => Buffer,
): Generator<readonly StateValue[]> {
  const values = Math.ceil(bytes / valueBytes)
  const batch = Math.min(batchValues, Math.max(1, Math.floor(batchBytes / valueBytes)))
  for (let first = 0; first < values; first += batch) {
    const numbers = Array.from({ length: Math.min(batch, values - first) }, (_, index) => first + index)
    yield numbers.map((number) => ({
      number,
      content: next(Math.min(valueBytes, bytes - number * valueBytes)),
    }))
  }
}
