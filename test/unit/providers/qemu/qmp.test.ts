import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseQmp, withQmp } from '../../../../src/providers/qemu/qmp.ts'

describe('a line of the protocol', () => {
  test.each([
    [
      '{"QMP":{"version":{"qemu":{"micro":2,"minor":0,"major":10}}}}',
      { kind: 'greeting', version: '10.0.2' },
    ],
    ['{"event":"STOP","timestamp":{}}', { kind: 'event', name: 'STOP' }],
    ['{"return":{"status":"running"},"id":3}', { kind: 'answer', id: 3, value: { status: 'running' } }],
    ['{"error":{"class":"GenericError","desc":"no"},"id":4}', { kind: 'error', id: 4, message: 'no' }],
  ])('%s', (line, message) => {
    expect(parseQmp(line)).toEqual(message)
  })
})

describe('a conversation', () => {
  let folder: string
  let server: Server
  const socket = () => path.join(folder, 'qmp.sock')
  const greeting = '{"QMP":{"version":{"qemu":{"micro":2,"minor":0,"major":10}}}}\n'

  /** @param answer lines that are sent for a command, cut into pieces in the middle of a line */
  const listen = async (answer: (command: string, id: number) => string | undefined) => {
    server = createServer((client) => {
      client.write(greeting)
      let sent = Promise.resolve()
      client.on('error', () => {})
      client.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.split('\n').filter((one) => one !== '')) {
          const { execute, id } = JSON.parse(line) as { execute: string; id: number }
          const said = execute === 'qmp_capabilities' ? `{"return":{},"id":${id}}\n` : answer(execute, id)
          if (said === undefined) continue
          sent = sent.then(async () => {
            client.write(said.slice(0, 9))
            await delay(5)
            client.write(said.slice(9))
          })
        }
      })
    })
    await new Promise<void>((resolve) => server.listen(socket(), resolve))
  }

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'qmp-'))
  })
  afterEach(async () => {
    server?.close()
    await rm(folder, { recursive: true, force: true })
  })

  test('gives each answer to its question, whatever comes between', async () => {
    await listen((command, id) => `{"event":"STOP"}\n{"return":"${command}","id":${id}}\n`)
    const answers = await withQmp(socket(), { host: 'a', timeoutMs: 2000 }, (qmp) =>
      Promise.all([qmp.ask('one'), qmp.ask('two')]),
    )
    expect(answers).toEqual(['one', 'two'])
  })

  test("a refusal carries QEMU's own words", async () => {
    await listen((_, id) => `{"error":{"class":"GenericError","desc":"State blocked"},"id":${id}}\n`)
    const talk = withQmp(socket(), { host: 'a', timeoutMs: 2000 }, (qmp) => qmp.ask('snapshot-save'))
    await expect(talk).rejects.toMatchObject({ parts: { where: 'a', why: ['State blocked'] } })
  })

  test('an answer that does not come ends in an error', async () => {
    await listen(() => undefined)
    const talk = withQmp(socket(), { host: 'a', timeoutMs: 50 }, (qmp) => qmp.ask('stop'))
    await expect(talk).rejects.toMatchObject({ message: 'QEMU does not answer' })
  })

  test('a QEMU that is not there ends in an error, at once', async () => {
    const talk = withQmp(socket(), { host: 'a', timeoutMs: 5000 }, (qmp) => qmp.ask('stop'))
    await expect(talk).rejects.toMatchObject({ message: 'QEMU does not answer' })
  })

  test('is broken off by its signal', async () => {
    await listen(() => undefined)
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('enough')), 30)
    const options = { host: 'a', timeoutMs: 5000, signal: controller.signal }
    await expect(withQmp(socket(), options, (qmp) => qmp.ask('stop'))).rejects.toThrow('enough')
  })
})
