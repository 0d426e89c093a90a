/**
 * The candidate that `word` was most likely meant to be, or undefined when none is near.
 * Near: the same but for case, a beginning of it, or at most a third of the letters changed
 * (Damerau-Levenshtein distance with adjacent transpositions, also called optimal string alignment).
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  // A misspelt name is short; the distance costs the product of both lengths.
  if (word.length === 0 || word.length > 100) return undefined
  const wanted = word.toLowerCase()
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const name = candidate.toLowerCase()
    const begins = wanted.length >= 3 && (name.startsWith(wanted) || wanted.startsWith(name))
    const distance = begins ? 1 : editDistance(wanted, name)
    const limit = Math.max(1, Math.floor(Math.max(wanted.length, name.length) / 3))
    if (distance <= limit && distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(left: string, right: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1]
      let distance = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      )
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      if (row > 1 && column > 1 && swapped) distance = Math.min(distance, (beforeLast[column - 2] ?? 0) + 1)
      current.push(distance)
    }
    beforeLast = last
    last = current
  }
  return last[right.length] ?? 0
}
