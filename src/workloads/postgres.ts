import { Socket } from 'node:net'
import { Client, DatabaseError } from 'pg'
import type { ProbeSpec } from '../config/resolved.ts'
import { messageOf, TestbedError } from '../core/errors.ts'
import type { ServiceAddress } from './running.ts'

export type PostgresProbe = Extract<ProbeSpec, { protocol: 'postgres' }>

const connectTimeoutMs = 5_000
const queryTimeoutMs = 30_000

/**
 * Opens one connection, and closes it when `use` is over or the signal fires. It is never opened again: what breaks is
 * seen, not mended.
 * @throws TestbedError (trial) when PostgreSQL cannot be reached, does not answer or refuses a query; the signal's reason
 * when aborted.
 */
export async function withPostgres<Result>(
  { database, user }: PostgresProbe,
  address: ServiceAddress,
  signal: AbortSignal | undefined,
  use: (client: Client) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted()
  const socket = new Socket()
  const client = new Client({
    ...address,
    database,
    user,
    ssl: false, // whatever PGSSLMODE says
    application_name: 'migration-testbed',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    // Ours, to be closed at once: the client's own good-bye waits for a server that may be frozen.
    stream: () => socket,
  })
  client.on('error', () => {}) // the query that was waiting fails of it
  const disconnect = () => socket.destroy()
  signal?.addEventListener('abort', disconnect, { once: true })
  try {
    await client.connect()
    return await use(client)
  } catch (error) {
    signal?.throwIfAborted()
    const refused = error instanceof DatabaseError
    const what = refused ? 'refused what it was asked' : 'did not answer'
    throw new TestbedError('trial', `PostgreSQL at ${address.host}:${address.port} ${what}`, {
      why: [messageOf(error)],
      hint: refused
        ? "look at probe.postgres, and at the server's log"
        : 'was it running, and at this address?',
      cause: error,
    })
  } finally {
    signal?.removeEventListener('abort', disconnect)
    disconnect()
  }
}
