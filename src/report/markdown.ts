import { markdownTable } from 'markdown-table'
import type { Section, Table } from './table.ts'

/** A heading, the table (GitHub's Markdown) and what stands under it. */
export function renderMarkdown(title: string, table: Table, sections: readonly Section[]): string {
  const header = table.columns.map((column) => plain(column.title.join(' ')))
  const rows = table.rows.map((row) =>
    row.map((cell, at) => plain(cell.lines.join(table.columns[at]?.separator ?? ' '))),
  )
  const align = table.columns.map((column) => column.align.charAt(0))
  const below = sections.map(
    (section) => `## ${section.title}\n\n${section.items.map((item) => `- ${plain(item)}`).join('\n')}`,
  )
  return `${[`# ${plain(title)}`, markdownTable([header, ...rows], { align }), ...below].join('\n\n')}\n`
}

/** Messages of other programs are text: nothing in them may become a column, a tag, code, emphasis or a link. */
function plain(text: string): string {
  return text
    .replaceAll(/[\\|<*`~]|\](?=[([])|(?<!\w)_|_(?!\w)/g, (character) => `\\${character}`)
    .replaceAll(/\s*\n\s*/g, ' ')
}
