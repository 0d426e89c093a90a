import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { HostName, ResolvedMachine } from '../../config/resolved.ts'
import { messageOf, TestbedError } from '../../core/errors.ts'
import type { HostAddress, SshEndpoint } from '../../hosts/address.ts'
import { logInThrough } from '../../hosts/connection.ts'
import { type Login, WrongHostKey } from '../../hosts/login.ts'
import type { ProviderContext } from '../provider.ts'
import { type Endpoint, endpointsOf } from './endpoint.ts'
import { type KnownKeys, knownKeys, pinKey } from './known-hosts.ts'

const timeoutMs = 10_000

/**
 * Logs in to a machine once, and answers with the way that worked: the addresses, users, keys and host keys of it and of its
 * jump hosts. A host key that nobody knows is pinned, with a note; one that has changed is refused.
 * @throws TestbedError with what ssh would say, and what to do
 */
export async function reach(
  context: ProviderContext,
  name: HostName,
  machine: ResolvedMachine,
  signal: AbortSignal,
): Promise<HostAddress> {
  const endpoints = await endpointsOf(machine, signal)
  const pins = join(context.cacheFolder, 'known_hosts')
  const known = await Promise.all(
    endpoints.map(({ knownAs, knownHostsFiles }) => knownKeys(knownAs, [...knownHostsFiles, pins])),
  )
  for (const [index, endpoint] of endpoints.entries()) refuseUnknown(name, endpoint, known[index])
  const targets = endpoints.map((endpoint, index) => ({ ...endpoint, hostKeys: known[index]?.keys ?? [] }))
  const { login, before } = await logInThrough(targets, timeoutMs, signal).catch((error: unknown) => {
    throw signal.aborted ? signal.reason : explain(error, name, endpoints, known)
  })
  login.client.end()
  const ways: SshEndpoint[] = []
  for (const [index, each] of [...before, login].entries()) {
    const endpoint = endpoints[index]
    if (endpoint === undefined) continue
    if (known[index]?.revoked.includes(each.hostKey) === true) throw revoked(name, endpoint)
    if (known[index]?.keys.length === 0) {
      await pinKey(pins, endpoint.knownAs, each.hostKey)
      const text = `the key of ${endpoint.knownAs} was not known and is pinned now: ${fingerprint(each.hostKey)}`
      context.progress({ kind: 'warning', text, host: name })
    }
    ways.push(wayOf(endpoint, each))
  }
  const last = ways.pop()
  if (last === undefined) throw new TestbedError('internal', 'a way without an end')
  return {
    name,
    ...last,
    mgmtAddress: machine.mgmtAddress ?? '',
    ...(ways.length === 0 ? {} : { jumps: ways }),
  }
}

function wayOf({ host, port, user }: Endpoint, { hostKey, credential }: Login): SshEndpoint {
  return { host, port, user, ...credential, hostKey }
}

/** As ssh-keygen -l prints it. */
function fingerprint(hostKey: string): string {
  const [type, key = ''] = hostKey.split(' ')
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64')
  return `${type} SHA256:${digest.replace(/=+$/, '')}`
}

function refuseUnknown(name: HostName, { knownAs, strict }: Endpoint, known: KnownKeys | undefined): void {
  if (!strict || known === undefined || known.keys.length > 0) return
  throw new TestbedError('configuration', `the key of ${knownAs} is not known`, {
    where: name,
    why: ['~/.ssh/config says StrictHostKeyChecking yes for it'],
    hint: `connect once by hand, or: ssh-keyscan ${knownAs} >>~/.ssh/known_hosts (and compare the key)`,
  })
}

function revoked(name: HostName, { knownAs }: Endpoint): TestbedError {
  return new TestbedError('configuration', `the key of ${knownAs} is revoked`, {
    where: name,
    hint: 'a known_hosts file marks it so: do not use this machine',
  })
}

function explain(
  error: unknown,
  name: HostName,
  endpoints: readonly Endpoint[],
  known: readonly KnownKeys[],
): TestbedError {
  if (error instanceof WrongHostKey) {
    const index = endpoints.findIndex(({ host, port }) => error.at === `${host}:${port}`)
    const knownAs = endpoints[index]?.knownAs ?? error.at
    return new TestbedError('testbed', `the host key of ${knownAs} has changed`, {
      where: name,
      why: [
        `it shows ${fingerprint(error.shown)}`,
        ...(known[index]?.files ?? []).map((file) => `known from ${file}`),
      ],
      hint: `somebody may be listening in. If the machine was installed anew: ssh-keygen -R ${quoted(knownAs)} -f FILE`,
    })
  }
  const target = endpoints.at(-1)
  const through = endpoints.slice(0, -1).map(({ host }) => host)
  const way = through.length === 0 ? '' : ` through ${through.join(', ')}`
  return new TestbedError(
    'testbed',
    `no SSH connection to ${target?.user}@${target?.host}:${target?.port}${way}`,
    {
      where: name,
      why: [messageOf(error)],
      hint: `does it work by hand? ssh ${target?.port === 22 ? '' : `-p ${target?.port} `}${target?.user}@${target?.host}`,
      cause: error,
    },
  )
}

function quoted(knownAs: string): string {
  return knownAs.startsWith('[') ? `'${knownAs}'` : knownAs
}
