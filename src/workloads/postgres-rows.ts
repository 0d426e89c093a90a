import { createHash } from 'node:crypto'
import type { Client } from 'pg'
import type { Span } from '../core/spans.ts'
import type { StateValue } from './values.ts'

/** What a PostgreSQL workload holds. */
export interface PostgresContent {
  /** What was filled in; absent for a workload without state. */
  readonly filled?: { readonly rows: number; readonly sha256: string }
  /** Ids of the rows that the probes have added. */
  readonly ids: readonly Span[]
}

/** The server digests this much at a time, in some ten milliseconds of one of its processors. */
const batchBytes = 4 * 1024 * 1024
const batchRows = 1000

/** Values that cannot be compressed are not tried to: that would only cost the server time. */
const stateTable = `CREATE TABLE IF NOT EXISTS state (id bigint PRIMARY KEY, payload bytea);
ALTER TABLE state ALTER COLUMN payload SET STORAGE EXTERNAL`

/** Adds the state to the table `state`, which is made if it is not there; each batch is committed on its own. */
export async function fillRows(client: Client, batches: Iterable<readonly StateValue[]>): Promise<void> {
  await client.query(stateTable)
  for (const batch of batches) {
    const places = batch.map((_, index) => `($${2 * index + 1}, $${2 * index + 2})`)
    await client.query(
      `INSERT INTO state (id, payload) VALUES ${places.join(', ')}`,
      batch.flatMap(({ number, content }) => [number, content]),
    )
  }
}

/** Reads back all that is there. `rowBytes` is the size of one filled row: it decides how many are read at once. */
export async function readRows(
  client: Client,
  sequenceTable: string,
  rowBytes: number | undefined,
): Promise<PostgresContent> {
  return {
    ...(rowBytes === undefined ? {} : { filled: await readFilled(client, rowBytes) }),
    ids: await readIds(client, sequenceTable),
  }
}

interface FilledRow {
  readonly id: string
  /** Null where there is no payload any more. */
  readonly bytes: number | null
  readonly digest: Buffer | null
}

/**
 * SHA-256 over the id, the length and the SHA-256 of every payload, in the order of the ids. The server digests the payloads,
 * for each of which it reads every byte: what it would have to send else is as large as the state, over a link that may be slow.
 */
async function readFilled(
  client: Client,
  rowBytes: number,
): Promise<{ readonly rows: number; readonly sha256: string }> {
  const batch = Math.min(batchRows, Math.max(1, Math.floor(batchBytes / rowBytes)))
  const hash = createHash('sha256')
  let rows = 0
  for (let last = '-1'; ; ) {
    const found = await client.query<FilledRow>(
      `SELECT id, length(payload) AS bytes, sha256(payload) AS digest
       FROM state WHERE id > $1 ORDER BY id LIMIT $2`,
      [last, batch],
    )
    for (const { id, bytes, digest } of found.rows) {
      hash.update(`${id} ${bytes}\n`).update(digest ?? '')
      last = id
    }
    rows += found.rows.length
    if (found.rows.length < batch) return { rows, sha256: hash.digest('hex') }
  }
}

/** Ids that follow each other have the same distance from their places in the order. */
async function readIds(client: Client, table: string): Promise<Span[]> {
  const { rows } = await client.query<{ readonly first: string; readonly last: string }>(
    `SELECT min(id) AS first, max(id) AS last
     FROM (SELECT id, id - row_number() OVER (ORDER BY id) AS distance FROM "${table}") AS numbered
     GROUP BY distance ORDER BY first`,
  )
  return rows.map(({ first, last }) => [Number(first), Number(last)])
}
