import { once } from 'node:events'
import { createServer } from 'node:net'
import type { ProbeSpec } from '../config/resolved.ts'
import { exchangeFor } from './exchange.ts'
import { probeFresh } from './fresh.ts'

const canned = {
  http: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n{"identity":"a","count":1}',
  redis: ':1\r\n',
  postgres: 'R\0\0\0\x08\0\0\0\0Z\0\0\0\x05ID\0\0\0\x0b\0\x01\0\0\0\x011C\0\0\0\x0fINSERT 0 1\0Z\0\0\0\x05I',
} as const satisfies Record<ProbeSpec['protocol'], string>

/**
 * Sends `count` probes, one after the other, to a server of this process's own. The first probes of a process take tens
 * of milliseconds, in which code is loaded and compiled; so they are none of the measurement's.
 */
export async function rehearse(spec: ProbeSpec, count: number): Promise<void> {
  const server = createServer((socket) => {
    // Every probe ends its connection with an RST.
    socket.on('error', () => {})
    socket.on('data', () => socket.write(canned[spec.protocol]))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address === 'object' && address !== null) {
    const target = { host: '127.0.0.1', port: address.port }
    const exchange = exchangeFor(spec, target)
    for (let k = 0; k < count; k++) {
      await new Promise((resolve) => probeFresh(target, exchange, k, 1000, resolve))
    }
  }
  server.close()
}
