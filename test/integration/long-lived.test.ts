import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { exchangeFor } from '../../src/probes/exchange.ts'
import { openLongLived } from '../../src/probes/long-lived.ts'

test('an answer to what was sent before says nothing of the kept connection now', async () => {
  const asked: Socket[] = []
  const server = createServer((socket) => socket.on('data', () => asked.push(socket)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  const connection = openLongLived(target, exchangeFor({ protocol: 'redis', sequenceKey: 'probe' }, target))
  const settle = () => () => undefined
  const answer = () => asked.shift()?.write('$1\r\n0\r\n')
  try {
    connection.probe(0, settle)
    await vi.waitUntil(() => asked.length === 1)
    let told = false
    const waiting = connection.told().then(() => {
      told = true
    })
    answer()
    await delay(100)
    expect(told).toBe(false)
    connection.probe(1, settle)
    await vi.waitUntil(() => asked.length === 1)
    answer()
    await waiting
  } finally {
    connection.close()
    server.close()
  }
})
