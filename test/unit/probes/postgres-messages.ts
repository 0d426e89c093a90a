/** Messages as a PostgreSQL server sends them. */

export function bytes32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

export function message(type: string, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([Buffer.from(type), bytes32(4 + body.length), body])
}

/** A row of one column. */
export function row(value: string): Buffer {
  return message('D', Buffer.from([0, 1]), bytes32(Buffer.byteLength(value)), Buffer.from(value))
}

/** An error (`E`) or a notice (`N`). */
export function error(type: 'E' | 'N', fields: Readonly<Record<string, string>>): Buffer {
  const text = Object.entries(fields).map(([field, value]) => `${field}${value}\0`)
  return message(type, Buffer.from(`${text.join('')}\0`))
}

export const ready = message('Z', Buffer.from('I'))

/** What a server says to whom it lets in. */
export const started = Buffer.concat([
  message('R', bytes32(0)),
  message('S', Buffer.from('server_version\x0017.12\0')),
  message('K', bytes32(42), bytes32(4711)),
  ready,
])
