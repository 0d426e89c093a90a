import { formatSpans, joinSpans, missingSpans, type Span, sizeOfSpans } from '../core/spans.ts'
import { type Check, files, plural } from './check.ts'
import type { Reading } from './oracle.ts'
import type { PostgresContent } from './postgres-rows.ts'

/**
 * Whether PostgreSQL still has all that it had, and all that it acknowledged to the probes. What it has committed is on its
 * disk, whatever becomes of its memory: so it is its files that are judged. Whether its memory came along is what its main
 * process tells.
 */
export function checkPostgres(
  before: PostgresContent | undefined,
  after: Reading<PostgresContent> | undefined,
  acknowledged: readonly Span[] = [],
): Check[] {
  if (before === undefined || after === undefined) return []
  if ('missing' in after) return [files('unknown', `PostgreSQL: not asked (${after.missing})`)]
  return [
    ...checkFilled(before.filled, after.value.filled),
    // What was there before had been committed, also where the probe that asked for it was not there any more.
    checkIds(joinSpans([...before.ids, ...acknowledged]), after.value.ids),
  ]
}

function checkFilled(before: PostgresContent['filled'], after: PostgresContent['filled']): Check[] {
  if (before === undefined || after === undefined) return []
  const { rows } = before
  if (after.rows !== rows) {
    return [files('lost', `PostgreSQL: ${after.rows} of ${plural(rows, 'filled row')} are there`)]
  }
  return [
    after.sha256 === before.sha256
      ? files('kept', `PostgreSQL: all ${plural(rows, 'filled row')} are there, with the same content`)
      : files('lost', `PostgreSQL: all ${plural(rows, 'filled row')} are there, but with other content`),
  ]
}

function checkIds(committed: readonly Span[], there: readonly Span[]): Check {
  const last = committed.at(-1)?.[1]
  if (last === undefined) return files('unknown', 'PostgreSQL: no row was acknowledged')
  const lost = missingSpans(committed, there)
  if (lost.length === 0) return files('kept', `PostgreSQL: every acknowledged row up to ${last} is there`)
  const rows = `${sizeOfSpans(lost)} of ${plural(sizeOfSpans(committed), 'acknowledged row')}`
  return files('lost', `PostgreSQL: ${rows} up to ${last} lost: ${formatSpans(lost)}`)
}
