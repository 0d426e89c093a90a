import { readFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import type { Duplex } from 'node:stream'
import ssh2, {
  type AnyAuthMethod,
  type AuthHandlerMiddleware,
  Client,
  type ServerHostKeyAlgorithm,
} from 'ssh2'
import { messageOf } from '../core/errors.ts'
import { hostKeyOf, isPinnedKey } from './keys.ts'

const goodbyeMs = 1000

/** One SSH server, and everything that may open it. */
export interface LoginTarget {
  readonly host: string
  readonly port: number
  readonly user: string
  /** Local paths of private keys, in the order in which to try them; those that cannot be read are passed over. */
  readonly privateKeys: readonly string[]
  /** As in SshEndpoint; asked after the keys. */
  readonly agent?: string
  /** Any of these is right; with none given, the key that is shown is taken. */
  readonly hostKeys: readonly string[]
}

export interface LoginOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** A stream that leads to the server, in place of a connection of our own. */
  readonly through?: Duplex
}

export interface Login {
  readonly client: Client
  /** What the server showed: `ssh-ed25519 AAAA…` */
  readonly hostKey: string
  /** What opened it. */
  readonly credential: { readonly privateKey: string } | { readonly agent: string }
}

/** The server showed a key that is none of those it should have. */
export class WrongHostKey extends Error {
  override readonly name = 'WrongHostKey'
  /** `host:port` */
  readonly at: string
  readonly shown: string

  constructor(at: string, shown: string) {
    super(`${at} shows another key than the known one`)
    this.at = at
    this.shown = shown
  }
}

/** Key types in the order in which they are asked for, each with the signatures that prove it. */
const keyAlgorithms: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
}

/**
 * Logs in to one server; `timeoutMs` bounds the whole handshake.
 * @throws WrongHostKey, the signal's reason, or what ssh2 says.
 */
export async function logIn(target: LoginTarget, options: LoginOptions): Promise<Login> {
  options.signal?.throwIfAborted()
  const attempts = await credentialsOf(target)
  const client = new Client()
  // Otherwise each small message after another waits for the other side's delayed acknowledgement: 40 ms a command.
  const socket = options.through ?? createConnection({ host: target.host, port: target.port, noDelay: true })
  const end = client.end.bind(client)
  client.end = () => {
    end()
    // A machine that was taken away never answers: its connection would keep this program for a quarter of an hour. ssh2's own
    // destroy() does nothing after end().
    setTimeout(() => socket.destroy(), goodbyeMs).unref()
    return client
  }
  let tried: Login['credential'] | undefined
  let hostKey = ''
  const authHandler: AuthHandlerMiddleware = (_methods, _partial, next) => {
    const attempt = attempts.shift()
    tried = attempt?.credential ?? tried
    next(attempt?.method ?? (false as unknown as AnyAuthMethod))
  }
  return await new Promise<Login>((resolve, reject) => {
    const settle = () => {
      options.signal?.removeEventListener('abort', abort)
      client.removeListener('error', fail)
      client.removeListener('close', closed)
      // A connection that breaks later is seen by the channels; without a listener it would end the program.
      client.on('error', () => {})
    }
    const fail = (error: unknown) => {
      settle()
      client.destroy()
      socket.destroy()
      if (options.signal?.aborted === true) reject(options.signal.reason)
      else if (hostKey !== '' && !isRight(target, hostKey))
        reject(new WrongHostKey(`${target.host}:${target.port}`, hostKey))
      else reject(error)
    }
    const abort = () => fail(options.signal?.reason)
    const closed = () => fail(new Error('the connection was closed'))
    options.signal?.addEventListener('abort', abort, { once: true })
    client.once('ready', () => {
      settle()
      if (tried === undefined) reject(new Error('the server asked for no key'))
      else resolve({ client, hostKey, credential: tried })
    })
    client.once('error', fail)
    client.once('close', closed)
    client.connect({
      username: target.user,
      sock: socket,
      readyTimeout: options.timeoutMs,
      keepaliveInterval: 15_000,
      keepaliveCountMax: 4,
      authHandler,
      algorithms: {
        serverHostKey: algorithmsFor(target.hostKeys),
        cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr'],
      },
      hostVerifier: (key: Buffer) => {
        hostKey = hostKeyOf(key)
        return isRight(target, hostKey)
      },
    })
  })
}

function isRight({ hostKeys }: LoginTarget, shown: string): boolean {
  const key = Buffer.from(shown.split(' ')[1] ?? '', 'base64')
  return hostKeys.length === 0 || hostKeys.some((known) => isPinnedKey(known, key))
}

/** Only keys that we can compare are asked for. */
function algorithmsFor(hostKeys: readonly string[]): ServerHostKeyAlgorithm[] {
  const types = Object.keys(keyAlgorithms)
  const known = types.filter((type) => hostKeys.some((key) => key.startsWith(`${type} `)))
  return (known.length === 0 ? types : known).flatMap((type) => keyAlgorithms[type] ?? [])
}

interface Attempt {
  readonly credential: Login['credential']
  readonly method: AnyAuthMethod
}

async function credentialsOf({ user, privateKeys, agent }: LoginTarget): Promise<Attempt[]> {
  const problems: string[] = []
  const attempts: Attempt[] = []
  for (const path of privateKeys) {
    const key = await readFile(path).catch((error: unknown) => messageOf(error))
    const parsed = typeof key === 'string' ? new Error(key) : ssh2.utils.parseKey(key)
    if (typeof key === 'string' || parsed instanceof Error) problems.push(`${path}: ${messageOf(parsed)}`)
    else
      attempts.push({ credential: { privateKey: path }, method: { type: 'publickey', username: user, key } })
  }
  const socket = agent === 'SSH_AUTH_SOCK' ? process.env.SSH_AUTH_SOCK : agent
  if (agent !== undefined && socket !== undefined && socket !== '') {
    attempts.push({ credential: { agent }, method: { type: 'agent', username: user, agent: socket } })
  }
  if (attempts.length > 0) return attempts
  throw new Error(['there is no key to log in with', ...problems].join('; '))
}
