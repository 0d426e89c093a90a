import { type ClientHttp2Session, connect } from 'node:http2'
import { createInterface } from 'node:readline'
import { text as textOf } from 'node:stream/consumers'
import { parse } from 'yaml'
import { TestbedError } from '../../core/errors.ts'
import type { Clock } from '../../core/time.ts'

/** How an administrator reaches an API server; certificates and keys as PEM. */
export interface Credentials {
  /** `https://10.1.0.3:6443` */
  readonly server: string
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

export interface ApiOptions {
  /** For errors: the host of the control plane. */
  readonly where: string
  /** By which deadlines are multiplied. */
  readonly patience: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** With its query. */
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
  /** Of the body; absent: `application/json`. */
  readonly type?: string
  /** For errors: `the eviction of the pod`. */
  readonly what: string
  /** 60 s when absent. */
  readonly withinMs?: number
}

/** A collection as the server has it, by uid; see `Api.follow`. */
export interface Followed {
  readonly path: string
  /** Of what to follow: `labelSelector=…`. */
  readonly query: string
  readonly objects: Map<string, unknown>
  /** Told after every change. */
  readonly onChange: () => void
  /** Told when it cannot be followed any more. */
  readonly onLost: (error: unknown) => void
}

/**
 * An API server, over one connection that is there before anything is measured: a request costs its way there and back, and no
 * program has to be started on the hosts for it.
 */
export interface Api {
  /**
   * Answers what the server answered; undefined for a GET or DELETE of what is not there. Asks again where the server says that it
   * is too busy. @throws TestbedError with the server's words, or when there is no answer in time
   */
  request<Answer>(request: ApiRequest): Promise<Answer | undefined>
  /** Fills the collection, then keeps it as the server has it until the connection is closed. @throws TestbedError */
  follow(collection: Followed): Promise<void>
  close(): void
}

/** What the server answers where it refuses. */
interface Status {
  readonly message?: string
}

interface Item {
  readonly metadata: { readonly uid: string }
}

interface List {
  readonly metadata: { readonly resourceVersion: string }
  readonly items: readonly Item[]
}

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string }
  }[]
  readonly users: readonly {
    readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string }
  }[]
}

const requestMs = 60_000
const againMs = 100
const hint = 'kube-apiserver.log on the host tells more: testbed logs'

/** Of a kubeconfig with one cluster and one user, everything in it. */
export function credentialsOf(kubeconfig: string): Credentials {
  const { clusters, users } = parse(kubeconfig) as Kubeconfig
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user]
  if (cluster === undefined || user === undefined) throw new Error('a kubeconfig has a cluster and a user')
  const decoded = (data: string) => Buffer.from(data, 'base64').toString()
  return {
    server: cluster.server,
    ca: decoded(cluster['certificate-authority-data']),
    cert: decoded(user['client-certificate-data']),
    key: decoded(user['client-key-data']),
  }
}

/** @throws TestbedError when it does not answer */
export async function openApi(credentials: Credentials, options: ApiOptions): Promise<Api> {
  const { server, ...keys } = credentials
  const { where, patience, clock, signal } = options
  const session = connect(server, keys)
  let lost: unknown
  let closed = false
  session.on('error', (error) => {
    lost = error
  })
  const failed = (message: string, why: readonly string[] = []) =>
    new TestbedError('trial', message, { where, why, hint })
  async function once({ method, path, body, type = 'application/json' }: ApiRequest, stop: AbortSignal) {
    const headers = {
      accept: 'application/json',
      ':method': method,
      ':path': path,
      ...(body === undefined ? {} : { 'content-type': type }),
    }
    const stream = session.request(headers, { signal: stop })
    const answered = { status: 0, retryAfter: undefined as number | undefined }
    stream.once('response', (got) => {
      answered.status = Number(got[':status'])
      if (got['retry-after'] !== undefined) answered.retryAfter = Number(got['retry-after'])
    })
    stream.end(body === undefined ? undefined : JSON.stringify(body))
    const text = await textOf(stream)
    if (answered.status === 0) throw new Error('it closed the connection')
    return { ...answered, text }
  }
  async function request<Answer>(asked: ApiRequest): Promise<Answer | undefined> {
    const { method, what, withinMs = requestMs } = asked
    const late = AbortSignal.timeout(withinMs * patience)
    const stop = AbortSignal.any([signal, late])
    let words = ''
    for (;;) {
      try {
        const { status, retryAfter, text } = await once(asked, stop)
        if (status < 300) return JSON.parse(text) as Answer
        if (status === 404 && (method === 'GET' || method === 'DELETE')) return undefined
        words = wordsOf(text)
        // What was not done in time may have been done after it: only what may be done twice is asked again.
        const again = retryAfter ?? (status === 504 && method !== 'POST' ? 1 : undefined)
        if (again === undefined) throw failed(`${what} failed (HTTP ${status})`, [words])
        await clock.sleep(again * 1000, stop)
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof TestbedError) throw error
        if (!late.aborted) throw failed(`${what} failed`, [String(lost ?? error)])
        const message = `${what}: no answer of the API server within ${(withinMs * patience) / 1000} s`
        throw failed(message, words === '' ? [] : [words])
      }
    }
  }
  /** Answers what was listed, as of which version. */
  async function list({ path, query, objects, onChange }: Followed): Promise<string> {
    const asked = { method: 'GET', path: `${path}?${query}`, what: `listing ${path}` } as const
    const answer = await request<List>(asked)
    if (answer === undefined) throw failed(`${path}: the API server has no such collection`)
    objects.clear()
    for (const item of answer.items) objects.set(item.metadata.uid, item)
    onChange()
    return answer.metadata.resourceVersion
  }
  /** Answers when the server ends it, with the status and its last words. */
  async function watch({ path, query, objects, onChange }: Followed, version: string) {
    const said: string[] = []
    const headers = {
      accept: 'application/json',
      ':path': `${path}?${query}&watch=true&resourceVersion=${version}`,
    }
    const stream = session.request(headers)
    let status = 0
    stream.once('response', (got) => {
      status = Number(got[':status'])
    })
    stream.on('error', (error) => said.push(String(error)))
    const lines = createInterface({ input: stream })
    lines.on('error', () => {}) // those of the stream, again
    lines.on('line', (line) => {
      const { type, object } = eventOf(line)
      if (type === 'DELETED') objects.delete(object.metadata.uid)
      else if (type === 'ADDED' || type === 'MODIFIED') objects.set(object.metadata.uid, object)
      else if (type !== 'BOOKMARK') said.push(wordsOf(type === 'ERROR' ? JSON.stringify(object) : line))
      onChange()
    })
    await new Promise<void>((resolve) => stream.once('close', () => resolve()))
    return { status, said }
  }
  async function keepFollowing(collection: Followed, version: string): Promise<void> {
    for (let from = version; ; from = await list(collection)) {
      const { status, said } = await watch(collection, from)
      if (closed) return
      if (session.closed || session.destroyed) throw failed('the connection to the API server is lost', said)
      // 410: from so far back it cannot tell; it may also end one at any time.
      if (status >= 400 && status < 500 && status !== 410 && status !== 429)
        throw failed(`following ${collection.path} failed (HTTP ${status})`, said)
      await clock.sleep(againMs * patience, signal)
    }
  }
  await connected(session, signal, requestMs * patience).catch((error: unknown) => {
    session.destroy()
    signal.throwIfAborted()
    throw failed(`the API server at ${server} does not answer`, [String(error)])
  })
  return {
    request,
    follow: async (collection) => {
      keepFollowing(collection, await list(collection)).catch((error: unknown) => {
        if (!closed) collection.onLost(error)
      })
    },
    close: () => {
      closed = true
      session.destroy()
    },
  }
}

async function connected(session: ClientHttp2Session, signal: AbortSignal, withinMs: number): Promise<void> {
  const stop = AbortSignal.any([signal, AbortSignal.timeout(withinMs)])
  stop.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve())
    session.once('error', reject)
    stop.addEventListener('abort', () => reject(stop.reason), { once: true })
  })
}

/** Of a line that was cut off in the middle: nothing. */
function eventOf(line: string): { readonly type?: string; readonly object: Item } {
  try {
    return JSON.parse(line)
  } catch {
    return { object: { metadata: { uid: '' } } }
  }
}

/** What a `Status` says, or what came in its place. */
function wordsOf(text: string): string {
  try {
    return (JSON.parse(text) as Status).message ?? text
  } catch {
    return text
  }
}
