import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
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

/** A change that a watch tells of. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: { readonly metadata: { readonly uid: string } }
}

/**
 * An API server, over one connection that is there before anything is measured: a request costs its way there and back, and no
 * program has to be started on the hosts for it.
 */
export interface Api {
  /** Answers what the server answered; undefined for a GET or DELETE of what is not there. @throws TestbedError with the server's words */
  request<Answer>(request: ApiRequest): Promise<Answer | undefined>
  /** Follows a collection until the connection is closed. @param onEnd told when the server ends it before */
  watch(path: string, onEvent: (event: WatchEvent) => void, onEnd: (error: TestbedError) => void): void
  close(): void
}

/** What the server answers where it refuses. */
interface Status {
  readonly kind?: string
  readonly message?: string
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
  session.on('error', (error) => {
    lost = error
  })
  const failed = (message: string, why: readonly string[] = []) =>
    new TestbedError('trial', message, { where, why, hint })
  async function once(
    request: ApiRequest,
  ): Promise<{ status: number; retryAfter: number | undefined; text: string }> {
    const { method, path, body, type = 'application/json', what, withinMs = requestMs } = request
    const allowedMs = withinMs * patience
    const late = AbortSignal.timeout(allowedMs)
    const headers = {
      accept: 'application/json',
      ':method': method,
      ':path': path,
      ...(body === undefined ? {} : { 'content-type': type }),
    }
    const stop = AbortSignal.any([signal, late])
    const answered = { status: 0, retryAfter: undefined as number | undefined }
    try {
      const stream = session.request(headers, { signal: stop })
      stream.once('response', (got) => {
        answered.status = Number(got[':status'])
        if (got['retry-after'] !== undefined) answered.retryAfter = Number(got['retry-after'])
      })
      stream.end(body === undefined ? undefined : JSON.stringify(body))
      const text = await textOf(stream)
      if (answered.status === 0) throw new Error('it closed the connection')
      return { ...answered, text }
    } catch (error) {
      signal.throwIfAborted()
      if (late.aborted) throw failed(`${what}: no answer of the API server within ${allowedMs / 1000} s`)
      throw failed(`${what} failed`, [String(lost ?? error)])
    }
  }
  await connected(session, signal, requestMs * patience).catch((error: unknown) => {
    session.destroy()
    signal.throwIfAborted()
    throw failed(`the API server at ${server} does not answer`, [String(error)])
  })
  return {
    request: async <Answer>(request: ApiRequest) => {
      for (;;) {
        const { status, retryAfter, text } = await once(request)
        if (status < 300) return JSON.parse(text) as Answer
        if (status === 404 && (request.method === 'GET' || request.method === 'DELETE')) return undefined
        // So it says when it is too busy, or what it needs is not there yet.
        if (retryAfter === undefined) throw failed(`${request.what} failed (HTTP ${status})`, [wordsOf(text)])
        await clock.sleep(retryAfter * 1000, signal)
      }
    },
    watch: (path, onEvent, onEnd) => {
      const said: string[] = []
      const end = () => onEnd(failed('the API server ended a watch', said))
      let stream: ClientHttp2Stream
      try {
        stream = session.request({ accept: 'application/json', ':path': path })
      } catch (error) {
        said.push(String(lost ?? error))
        return end()
      }
      stream.once('response', (got) => {
        if (got[':status'] !== 200) said.push(`HTTP ${got[':status']}`)
      })
      stream.on('error', (error) => said.push(String(error)))
      const lines = createInterface({ input: stream })
      lines.on('error', () => {}) // those of the stream, again
      lines.on('line', (line) => {
        const { type, object } = JSON.parse(line) as { type?: string; object: WatchEvent['object'] }
        if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') onEvent({ type, object })
        else if (type !== 'BOOKMARK') said.push(wordsOf(type === undefined ? line : JSON.stringify(object)))
      })
      stream.once('close', end)
    },
    close: () => session.destroy(),
  }
}

async function connected(session: ClientHttp2Session, signal: AbortSignal, withinMs: number): Promise<void> {
  const stop = AbortSignal.any([signal, AbortSignal.timeout(withinMs)])
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve())
    session.once('error', reject)
    stop.addEventListener('abort', () => reject(stop.reason), { once: true })
  })
}

/** What a `Status` says, or what came in its place. */
function wordsOf(text: string): string {
  try {
    return (JSON.parse(text) as Status).message ?? text
  } catch {
    return text
  }
}
