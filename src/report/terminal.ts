import { styleText } from 'node:util'
import type { Section, Table, TableCell, TableColumn, Tone } from './table.ts'

export interface TerminalOptions {
  /** Columns of the terminal. A table that is wider is broken into several, each with the columns that name a row. */
  readonly width: number
  readonly colour: boolean
}

const gap = '  '

/** Draws a table and what stands under it, with a newline at the end. */
export function renderTerminal(table: Table, sections: readonly Section[], options: TerminalOptions): string {
  const parts = breakIntoBands(table, options.width).map((band) => renderBand(table, band, options))
  const below = sections.map((section) => renderSection(section, options))
  return `${[...parts, ...below].join('\n\n')}\n`
}

/** Indexes of the columns of each band, greedily filled; a column wider than the terminal has a band of its own. */
function breakIntoBands(table: Table, width: number): number[][] {
  const widths = table.columns.map((_, index) => columnWidth(table, index))
  const indexes = [...table.columns.keys()]
  const naming = indexes.filter((index) => table.columns[index]?.names === true)
  const widthOf = (band: readonly number[]) =>
    band.reduce((sum, index) => sum + (widths[index] ?? 0), 0) + gap.length * (band.length - 1)
  const bands: number[][] = []
  let band = naming
  for (const index of indexes.filter((each) => !naming.includes(each))) {
    if (band.length > naming.length && widthOf([...band, index]) > width) {
      bands.push(band)
      band = naming
    }
    band = [...band, index]
  }
  return [...bands, band]
}

function renderBand(table: Table, band: readonly number[], options: TerminalOptions): string {
  const widths = band.map((index) => columnWidth(table, index))
  const columns = band.flatMap((index) => table.columns[index] ?? [])
  const height = Math.max(...columns.map((column) => column.title.length))
  // Titles stand on the line, right above their column.
  const title = columns.map(({ title }) => [...Array<string>(height - title.length).fill(''), ...title])
  const lines = renderRow(
    title.map((lines) => ({ lines })),
    columns,
    widths,
    (text) => paint(text, 'bold', options),
  )
  const rule = paint(
    '─'.repeat(widths.reduce((sum, width) => sum + width + gap.length, -gap.length)),
    'dim',
    options,
  )
  // Rows of several lines would run into one another without a line between them.
  const isTall = table.rows.some((row) => band.some((index) => (row[index]?.lines.length ?? 0) > 1))
  const rows = table.rows.flatMap((row, at) => {
    const cells = band.map((index) => row[index] ?? { lines: [] })
    const drawn = renderRow(cells, columns, widths, (text, cell) => paint(text, styleOf(cell.tone), options))
    return isTall && at > 0 ? ['', ...drawn] : drawn
  })
  return [...lines, rule, ...rows].join('\n')
}

function renderRow(
  cells: readonly TableCell[],
  columns: readonly TableColumn[],
  widths: readonly number[],
  style: (text: string, cell: TableCell) => string,
): string[] {
  const height = Math.max(1, ...cells.map((cell) => cell.lines.length))
  return Array.from({ length: height }, (_, line) => {
    const texts = cells.map((cell, at) => {
      const text = cell.lines[line] ?? ''
      const padding = ' '.repeat((widths[at] ?? 0) - text.length)
      const styled = text === '' ? '' : style(text, cell)
      return columns[at]?.align === 'right' ? padding + styled : styled + padding
    })
    return texts.join(gap).trimEnd()
  })
}

function renderSection(section: Section, options: TerminalOptions): string {
  const items = section.items.flatMap((item) => wrap(item, options.width - 2).map((line) => `  ${line}`))
  return [paint(section.title, 'bold', options), ...items].join('\n')
}

/** Breaks at spaces, but not before a per cent sign; what follows the first line is indented. A word longer than a line stays whole, to be copied. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/ (?!%)/)) {
    if (line.trim() !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = `  ${word}`
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

function columnWidth(table: Table, index: number): number {
  const title = table.columns[index]?.title ?? []
  const lines = table.rows.flatMap((row) => row[index]?.lines ?? [])
  return Math.max(...[...title, ...lines].map((line) => line.length), 0)
}

type Style = 'bold' | 'dim' | 'green' | 'red'

function styleOf(tone: Tone | undefined): Style | undefined {
  if (tone === undefined) return undefined
  return ({ good: 'green', bad: 'red', quiet: 'dim' } as const)[tone]
}

/** The caller has decided on colour; the environment is not asked again. */
function paint(text: string, style: Style | undefined, options: TerminalOptions): string {
  return options.colour && style !== undefined ? styleText(style, text, { validateStream: false }) : text
}
