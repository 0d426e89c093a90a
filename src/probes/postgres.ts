import type { ProbeSpec } from '../config/resolved.ts'
import type { Answer, Exchange, Judgement } from './exchange.ts'
import { parsePostgresAnswer } from './postgres-answer.ts'
import type { StreamName } from './sample.ts'

type PostgresSpec = Extract<ProbeSpec, { protocol: 'postgres' }>

/** 3.0: sixteen bits for the major number, sixteen for the minor one. */
const protocolVersion = 3 << 16

/**
 * A row into the table for the service stream, so that every acknowledged transaction is known by its id; `SELECT k` on the
 * one connection, which must not disturb that sequence. Simple queries of the frontend/backend protocol 3.0, sent together
 * with the start-up that they follow: the server lets everyone in (`trust`), so there is nothing to wait for.
 * <https://www.postgresql.org/docs/17/protocol-flow.html>
 */
export function postgresExchange(spec: PostgresSpec): Exchange {
  const insert = query(`INSERT INTO "${spec.sequenceTable}" DEFAULT VALUES RETURNING id`)
  return {
    parse: parsePostgresAnswer,
    pipelined: true,
    opening: startup(spec),
    request: (stream, k) => (stream === 'service' ? insert : query(`SELECT ${k}`)),
    judge: judgePostgres,
  }
}

/** The one message without a type, which is older than types are. */
function startup({ database, user }: PostgresSpec): Buffer {
  const parameters = { user, database, application_name: 'migration-testbed' }
  const version = Buffer.alloc(4)
  version.writeInt32BE(protocolVersion)
  const text = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`)
  return withLength(Buffer.concat([version, Buffer.from(`${text.join('')}\0`)]))
}

function query(text: string): Buffer {
  return Buffer.concat([Buffer.from('Q'), withLength(Buffer.from(`${text}\0`))])
}

/** Lengths count themselves. */
function withLength(content: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(length.length + content.length)
  return Buffer.concat([length, content])
}

export function judgePostgres(stream: StreamName, k: number, answer: Answer): Judgement {
  const text = answer.body.toString('utf8')
  // `57P03: the database system is starting up`, `53300: too many clients already`: it answers, but it does not serve.
  if (answer.code === 'E') return { outcome: 'wrong', detail: text }
  if (answer.code === 'R') return { outcome: 'wrong', detail: 'it asks for a password: only trust will do' }
  const said = answer.code === 'D' ? text : 'without a row'
  if (stream === 'connection') {
    if (said === String(k)) return { outcome: 'ok' }
    return { outcome: 'wrong', detail: `SELECT ${k} was answered ${said}` }
  }
  const sequence = Number(said)
  if (/^\d+$/.test(said) && Number.isSafeInteger(sequence)) return { outcome: 'ok', sequence }
  return { outcome: 'wrong', detail: `INSERT was answered ${said}` }
}
