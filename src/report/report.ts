import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { type Comparison, compareTrials } from '../results/comparison.ts'
import { readRun, type StoredRun } from '../results/stored-run.ts'
import { cellTable } from './cell-table.ts'
import { renderCsv } from './csv.ts'
import { renderJson } from './json.ts'
import { renderMarkdown } from './markdown.ts'
import { sectionsOf } from './sections.ts'
import { renderTerminal, type TerminalOptions } from './terminal.ts'

export const reportFormats = ['table', 'markdown', 'csv', 'json'] as const
export type ReportFormat = (typeof reportFormats)[number]

/**
 * The report of the run in `folder` as text, from what lies in that folder alone; `terminal` matters to `table` only.
 * Throws a TestbedError when the folder is not a run or is damaged.
 */
export async function renderReport(
  folder: string,
  format: ReportFormat,
  terminal: TerminalOptions,
): Promise<string> {
  const comparison = comparisonOf(await readRun(folder))
  if (format === 'table')
    return renderTerminal(cellTable(comparison), sectionsOf(comparison, folder), terminal)
  return renderDocument(comparison, format)
}

/** Writes `report/comparison.md`, `comparison.csv` and `report.json` into the run folder; returns their paths. */
export async function writeReports(folder: string): Promise<string[]> {
  const run = await readRun(folder)
  const comparison = comparisonOf(run)
  const { reportFolder } = run.folder
  await mkdir(reportFolder, { recursive: true })
  const documents = [
    ['comparison.md', 'markdown'],
    ['comparison.csv', 'csv'],
    ['report.json', 'json'],
  ] as const
  const files: string[] = []
  for (const [name, format] of documents) {
    const file = join(reportFolder, name)
    await writeFileAtomic(file, renderDocument(comparison, format))
    files.push(file)
  }
  return files
}

function comparisonOf(run: StoredRun): Comparison {
  return compareTrials({ ...run, id: run.folder.id })
}

function renderDocument(comparison: Comparison, format: Exclude<ReportFormat, 'table'>): string {
  if (format === 'json') return renderJson(comparison)
  if (format === 'csv') return renderCsv(comparison)
  const { experiment, id } = comparison.run
  // A file that is passed on names the run, not a path of the machine that made it.
  const sections = sectionsOf(comparison, `${experiment}/${id}`)
  return renderMarkdown(`${experiment} · ${id}`, cellTable(comparison), sections)
}
