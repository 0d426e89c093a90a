import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import { messageOf, TestbedError } from '../core/errors.ts'
import type { HostAddress, SshEndpoint } from './address.ts'
import { type Login, type LoginTarget, logIn, WrongHostKey } from './login.ts'

const defaultTimeoutMs = 10_000

/**
 * Opens one SSH connection to a host, through its jump hosts; `timeoutMs` bounds each handshake.
 * @throws TestbedError when the host does not answer, shows another key than the pinned one, or refuses ours.
 */
export async function connect(
  address: HostAddress,
  signal?: AbortSignal,
  timeoutMs = defaultTimeoutMs,
): Promise<Client> {
  const hops = [...(address.jumps ?? []), address].map(pinned)
  try {
    const { login } = await logInThrough(hops, timeoutMs, signal)
    return login.client
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason
    const wrongKey = error instanceof WrongHostKey
    throw new TestbedError('testbed', `no SSH connection to ${address.host}:${address.port}`, {
      where: address.name,
      why: [wrongKey ? 'the host shows another key than the one pinned when it was made' : messageOf(error)],
      hint: wrongKey
        ? 'something else answers at this address: check for a second machine, then testbed rebuild'
        : 'testbed status tells whether the host is up; testbed rebuild makes it anew',
      cause: error,
    })
  }
}

/**
 * Logs in to the last of `hops` through all before it, and answers with every login. Closing the last closes all.
 * @throws what `logIn` throws
 */
export async function logInThrough(
  hops: readonly LoginTarget[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<{ readonly login: Login; readonly before: readonly Login[] }> {
  signal?.throwIfAborted()
  const logins: Login[] = []
  try {
    for (const hop of hops) {
      const last = logins.at(-1)
      const through = last === undefined ? undefined : await forward(last.client, hop)
      const options = {
        timeoutMs,
        ...(signal === undefined ? {} : { signal }),
        ...(through === undefined ? {} : { through }),
      }
      const login = logIn(hop, options)
      logins.push(await (hop === hops.at(-1) ? login : login.catch(atJump(hop))))
    }
    const login = logins.pop()
    if (login === undefined) throw new Error('there is nothing to connect to')
    login.client.on('close', () => closeAll(logins))
    return { login, before: logins }
  } catch (error) {
    closeAll(logins)
    throw error
  }
}

function pinned({ host, port, user, privateKey, agent, hostKey }: SshEndpoint): LoginTarget {
  return {
    host,
    port,
    user,
    privateKeys: privateKey === undefined ? [] : [privateKey],
    ...(agent === undefined ? {} : { agent }),
    hostKeys: [hostKey],
  }
}

async function forward(client: Client, { host, port }: LoginTarget): Promise<Duplex> {
  return await new Promise<Duplex>((resolve, reject) => {
    client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
      if (error === undefined) resolve(channel)
      else reject(new Error(`the jump host reaches no ${host}:${port}: ${error.message}`))
    })
  })
}

function atJump({ host }: LoginTarget): (error: unknown) => never {
  return (error) => {
    throw error instanceof WrongHostKey
      ? error
      : new Error(`jump host ${host}: ${messageOf(error)}`, { cause: error })
  }
}

function closeAll(logins: readonly Login[]): void {
  for (const { client } of logins) client.end()
}
