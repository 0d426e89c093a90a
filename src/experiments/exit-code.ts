import { exitCodes } from '../core/errors.ts'
import type { TrialRecord } from '../results/record.ts'

/** 0 when every trial ended `ok` or `unsupported`, else 5: the report is there all the same. */
export function exitCodeOf(records: readonly TrialRecord[]): number {
  const fine = records.every(({ verdict }) => verdict === 'ok' || verdict === 'unsupported')
  return fine ? 0 : exitCodes.trial
}
