import { markdownTable } from 'markdown-table'

/** Prints a Markdown table as docs/performance.md holds it. */
export function printTable(heading: readonly string[], rows: readonly (readonly string[])[]): void {
  const align = heading.map((_, index) => (index === 0 ? 'l' : 'r'))
  process.stdout.write(`${markdownTable([[...heading], ...rows.map((row) => [...row])], { align })}\n`)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[sorted.length % 2 === 0 ? middle - 1 : middle],
    sorted[middle],
  ]
  return (low + high) / 2
}
