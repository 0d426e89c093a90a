import { resolve } from 'node:path'
import { compareRuns } from '../../report/compare-runs.ts'
import { type ReportFormat, renderReport } from '../../report/report.ts'
import { print } from '../output.ts'
import type { Session } from '../session.ts'

export async function report(
  _: Session,
  options: { format: ReportFormat },
  args: readonly string[],
): Promise<undefined> {
  print(await renderReport(resolve(args[0] ?? '.'), options.format, terminal()))
}

export async function compare(
  _: Session,
  options: { format: ReportFormat },
  args: readonly string[],
): Promise<undefined> {
  print(
    await compareRuns(
      args.map((folder) => resolve(folder)),
      options.format,
      terminal(),
    ),
  )
}

/** How a table is drawn on stdout: as wide as the terminal, in colour only there. */
export function terminal(): { width: number; colour: boolean } {
  const isTerminal = process.stdout.isTTY === true
  return {
    width: isTerminal ? process.stdout.columns : 160,
    colour: isTerminal && process.env.NO_COLOR === undefined,
  }
}
