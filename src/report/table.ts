/** What a cell of a table tells at a glance; only a terminal with colour shows it. */
export type Tone = 'good' | 'bad' | 'quiet'

/** One cell: in a terminal its lines stand below one another, in Markdown beside one another. */
export interface TableCell {
  readonly lines: readonly string[]
  readonly tone?: Tone
}

export interface TableColumn {
  /** A line each. */
  readonly title: readonly string[]
  readonly align: 'left' | 'right'
  /** Stands between the lines of a cell where they are put beside one another. */
  readonly separator: string
  /** Names the row: repeated wherever a table is broken into several. */
  readonly names: boolean
}

/** A table before anybody has decided how it is drawn; each row has a cell a column. */
export interface Table {
  readonly columns: readonly TableColumn[]
  readonly rows: readonly (readonly TableCell[])[]
}

/** What stands under a table. */
export interface Section {
  readonly title: string
  readonly items: readonly string[]
}

export function column(title: string, options: Partial<Omit<TableColumn, 'title'>> = {}): TableColumn {
  return { title: title.split('\n'), align: 'left', separator: ' ', names: false, ...options }
}

export function cell(lines: string | readonly string[], tone?: Tone): TableCell {
  return { lines: typeof lines === 'string' ? [lines] : lines, ...(tone === undefined ? {} : { tone }) }
}
