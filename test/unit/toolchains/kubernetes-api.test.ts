import { once } from 'node:events'
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.ts'
import { type Api, credentialsOf, openApi } from '../../../src/toolchains/kubernetes/api.ts'

type Answer = (stream: ServerHttp2Stream, asked: { method: string; path: string; type: string }) => void

const running: { close(): void }[] = []
afterEach(() => {
  for (const one of running.splice(0)) one.close()
})

async function opened(answer: Answer, signal = new AbortController().signal): Promise<Api> {
  const server: Http2Server = createServer()
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {}) // the client may have gone
    const asked = [headers[':method'], headers[':path'], headers['content-type']].map((one) => String(one))
    const [method = '', path = '', type = ''] = asked
    answer(stream, { method, path, type })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const options = { where: 'host-b', patience: 1, clock: systemClock, signal }
  const api = await openApi({ server: `http://127.0.0.1:${port}` }, options)
  running.push(api, server)
  return api
}

function status(stream: ServerHttp2Stream, code: number, message: string, headers = {}): void {
  stream.respond({ ':status': code, ...headers })
  stream.end(JSON.stringify({ kind: 'Status', message }))
}

test('sends a body as JSON of the type that is asked for, and answers what comes', async () => {
  const api = await opened(async (stream, asked) => {
    const body = await textOf(stream)
    stream.respond({ ':status': 201 })
    stream.end(JSON.stringify({ ...asked, body }))
  })
  const request = {
    method: 'PATCH',
    path: '/api/v1/nodes/a',
    body: { spec: {} },
    type: 'application/merge-patch+json',
    what: 'it',
  } as const
  expect(await api.request(request)).toEqual({
    method: 'PATCH',
    path: '/api/v1/nodes/a',
    type: 'application/merge-patch+json',
    body: '{"spec":{}}',
  })
})

test('tells in the words of the server what it refused', async () => {
  const api = await opened((stream) =>
    status(stream, 422, 'Pod "x" is invalid: spec.containers: Required value'),
  )
  const refused = api.request({
    method: 'POST',
    path: '/api/v1/pods',
    body: {},
    what: 'the creation of the Pod x',
  })
  await expect(refused).rejects.toMatchObject({
    message: 'the creation of the Pod x failed (HTTP 422)',
    parts: { where: 'host-b', why: ['Pod "x" is invalid: spec.containers: Required value'] },
  })
})

test('takes what is not there as an answer to a question and to a removal, and to nothing else', async () => {
  const api = await opened((stream) => status(stream, 404, 'pods "x" not found'))
  const path = '/api/v1/namespaces/default/pods/x'
  expect(await api.request({ method: 'GET', path, what: 'looking' })).toBeUndefined()
  expect(await api.request({ method: 'DELETE', path, what: 'the removal' })).toBeUndefined()
  const changed = api.request({ method: 'PATCH', path, body: {}, what: 'the change' })
  await expect(changed).rejects.toThrow('the change failed (HTTP 404)')
})

test('asks again when the server says when', async () => {
  let asked = 0
  const api = await opened((stream) => {
    asked += 1
    if (asked < 3) status(stream, 429, 'too many requests', { 'retry-after': '0' })
    else status(stream, 200, 'done')
  })
  expect(await api.request({ method: 'GET', path: '/', what: 'it' })).toMatchObject({ message: 'done' })
  expect(asked).toBe(3)
})

test('gives up a request that is not answered in time', async () => {
  const api = await opened(() => {})
  await expect(api.request({ method: 'GET', path: '/', what: 'looking', withinMs: 50 })).rejects.toThrow(
    'looking: no answer of the API server within 0.05 s',
  )
})

test('ends a request with the reason of whoever ends all', async () => {
  const control = new AbortController()
  const api = await opened(() => control.abort(new Error('enough')), control.signal)
  await expect(api.request({ method: 'GET', path: '/', what: 'looking' })).rejects.toThrow('enough')
})

test('tells that a connection was lost in the middle of a request', async () => {
  const api = await opened((stream) => stream.session?.destroy())
  await expect(api.request({ method: 'GET', path: '/', what: 'looking' })).rejects.toThrow('looking failed')
  await expect(api.request({ method: 'GET', path: '/', what: 'asking again' })).rejects.toThrow(
    'asking again failed',
  )
})

test('tells when nobody is there', async () => {
  const options = { where: 'host-b', patience: 1, clock: systemClock, signal: new AbortController().signal }
  await expect(openApi({ server: 'http://127.0.0.1:9' }, options)).rejects.toMatchObject({
    message: 'the API server at http://127.0.0.1:9 does not answer',
    parts: { where: 'host-b', why: [expect.stringContaining('ECONNREFUSED')] },
  })
})

test('asks again for what was not done in time, unless it would be done twice', async () => {
  let asked = 0
  const api = await opened((stream) => {
    asked += 1
    status(stream, asked === 1 ? 504 : 200, 'Timeout: request did not complete')
  })
  await api.request({ method: 'PATCH', path: '/', body: {}, what: 'the change' })
  expect(asked).toBe(2)
  asked = 0
  const made = api.request({ method: 'POST', path: '/', body: {}, what: 'the creation' })
  await expect(made).rejects.toThrow('the creation failed (HTTP 504)')
})

interface Named {
  readonly metadata: { readonly uid: string }
}
const item = (uid: string): Named => ({ metadata: { uid } })
const event = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`

function listed(stream: ServerHttp2Stream, version: string, ...uids: readonly string[]): void {
  stream.respond({ ':status': 200 })
  stream.end(JSON.stringify({ metadata: { resourceVersion: version }, items: uids.map(item) }))
}

/** Follows /pods; answers what is seen of them after each change, and a promise of the end. */
async function followed(answer: Answer) {
  const api = await opened(answer)
  const objects = new Map<string, unknown>()
  const seen: string[] = []
  const lost = Promise.withResolvers<unknown>()
  const onChange = () => seen.push([...objects.keys()].join(' '))
  const path = '/pods'
  await api.follow({ path, query: 'labelSelector=a', objects, onChange, onLost: lost.resolve })
  return { seen, lost: lost.promise }
}

test('follows a collection: all of it, then what changes, and anew where the server ends it', async () => {
  const paths: string[] = []
  const { seen } = await followed((stream, { path }) => {
    paths.push(path)
    if (!path.includes('watch')) return listed(stream, String(7 * paths.length), 'one')
    stream.respond({ ':status': 200 })
    if (paths.length > 2) return
    const sent = [
      event('ADDED', item('two')),
      event('BOOKMARK', { metadata: {} }),
      event('DELETED', item('one')),
      event('ERROR', { message: 'Timeout: Too large resource version: 755, current: 742' }),
    ].join('')
    stream.write(sent.slice(0, 20))
    setImmediate(() => stream.end(sent.slice(20)))
  })
  await expect.poll(() => paths).toHaveLength(4)
  expect(paths).toEqual([
    '/pods?labelSelector=a',
    '/pods?labelSelector=a&watch=true&resourceVersion=7',
    '/pods?labelSelector=a',
    '/pods?labelSelector=a&watch=true&resourceVersion=21',
  ])
  expect(seen).toEqual(['one', 'one two', 'one two', 'two', 'two', 'one'])
})

test('goes on after a line that was cut off', async () => {
  let watches = 0
  const { seen } = await followed((stream, { path }) => {
    if (!path.includes('watch')) return listed(stream, '7', 'one')
    watches += 1
    stream.respond({ ':status': 200 })
    if (watches === 1) stream.end(event('ADDED', item('two')).slice(0, 20))
  })
  await expect.poll(() => watches).toBe(2)
  expect(seen.at(-1)).toBe('one')
})

test('tells why a collection cannot be followed', async () => {
  const { lost } = await followed((stream, { path }) => {
    if (path.includes('watch')) status(stream, 403, 'pods is forbidden')
    else listed(stream, '7')
  })
  expect(await lost).toMatchObject({
    message: 'following /pods failed (HTTP 403)',
    parts: { where: 'host-b', why: ['pods is forbidden'] },
  })
})

test('tells when it is lost what is followed', async () => {
  const { lost } = await followed((stream, { path }) => {
    if (path.includes('watch')) stream.session?.destroy()
    else listed(stream, '7')
  })
  expect(await lost).toMatchObject({ message: 'the connection to the API server is lost' })
})

test('reads the address, the certificates and the key out of a kubeconfig', () => {
  const data = (text: string) => Buffer.from(text).toString('base64')
  const kubeconfig = `
apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: "https://10.1.0.3:6443", certificate-authority-data: ${data('CA')} } }]
users: [{ name: u, user: { client-certificate-data: ${data('CERT')}, client-key-data: ${data('KEY')} } }]
`
  expect(credentialsOf(kubeconfig)).toEqual({
    server: 'https://10.1.0.3:6443',
    ca: 'CA',
    cert: 'CERT',
    key: 'KEY',
  })
})
