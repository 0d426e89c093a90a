/** All whole numbers from the first to the last, both included. */
export type Span = readonly [first: number, last: number]

/** The fewest spans that hold the same numbers, upwards and apart. */
export function joinSpans(spans: readonly Span[]): Span[] {
  const joined: [number, number][] = []
  for (const [first, last] of spans.toSorted((a, b) => a[0] - b[0])) {
    const before = joined.at(-1)
    if (before === undefined || first > before[1] + 1) joined.push([first, last])
    else before[1] = Math.max(before[1], last)
  }
  return joined
}

export function spansOf(numbers: readonly number[]): Span[] {
  return joinSpans(numbers.map((number) => [number, number]))
}

/** What of `wanted` is not in `there`. Both are upwards and apart, and so is the answer. */
export function missingSpans(wanted: readonly Span[], there: readonly Span[]): Span[] {
  const missing: Span[] = []
  for (const [first, last] of wanted) {
    let from = first
    for (const [begin, end] of there) {
      if (end < from) continue
      if (begin > last) break
      if (begin > from) missing.push([from, begin - 1])
      from = end + 1
    }
    if (from <= last) missing.push([from, last])
  }
  return missing
}

/** How many numbers they hold, where they are apart. */
export function sizeOfSpans(spans: readonly Span[]): number {
  return spans.reduce((sum, [first, last]) => sum + last - first + 1, 0)
}

/** `3, 7 to 9` and no more than `most` of them. */
export function formatSpans(spans: readonly Span[], most = 5): string {
  const shown = spans
    .slice(0, most)
    .map(([first, last]) => (first === last ? String(first) : `${first} to ${last}`))
  return [...shown, ...(spans.length > most ? ['…'] : [])].join(', ')
}
