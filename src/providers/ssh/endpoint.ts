import { homedir, userInfo } from 'node:os'
import type { ResolvedMachine } from '../../config/resolved.ts'
import { TestbedError } from '../../core/errors.ts'
import { exists } from '../../core/exists.ts'
import { mustRunLocal } from '../../core/process.ts'
import type { LoginTarget } from '../../hosts/login.ts'

/** An SSH server as OpenSSH's own configuration describes it. */
export interface Endpoint extends Omit<LoginTarget, 'hostKeys'> {
  /** The name under which known_hosts files have it. */
  readonly knownAs: string
  readonly knownHostsFiles: readonly string[]
  /** `StrictHostKeyChecking yes`: an unknown key is not taken. */
  readonly strict: boolean
}

type Query = Pick<ResolvedMachine, 'address' | 'user' | 'port' | 'identityFile' | 'jump' | 'configFile'>

const mostJumps = 8

/**
 * The way to a machine, the nearest jump host first and the machine last. OpenSSH itself is asked, so that aliases, `Match`
 * and `Include` mean what they mean to `ssh`.
 * @throws TestbedError (configuration) when ssh refuses its configuration, or it asks for what is not supported here
 */
export async function endpointsOf(query: Query, signal: AbortSignal, depth = 0): Promise<Endpoint[]> {
  const settings = parseSettings(await askOpenSsh(query, signal))
  const one = (key: string) => settings.get(key)?.[0]
  const command = one('proxycommand')
  if (command !== undefined && command !== 'none') {
    throw new TestbedError('configuration', 'ProxyCommand is not supported', {
      where: query.address,
      why: [`ssh would run: ${command}`],
      hint: 'name the host in between with ProxyJump in ~/.ssh/config, or with jump: in the testbed file',
    })
  }
  const jumps = jumpsOf(query.jump ?? one('proxyjump'))
  if (jumps.length + depth > mostJumps) {
    throw new TestbedError('configuration', `more than ${mostJumps} jump hosts`, {
      where: query.address,
      hint: 'does a ProxyJump in ~/.ssh/config lead back to itself?',
    })
  }
  const endpoint = await toEndpoint(query, settings)
  const last = jumps.at(-1)
  if (last === undefined) return [endpoint]
  // As `ssh -J a,b`: b is reached through a, and a as its own configuration says.
  const rest = jumps.slice(0, -1).map(({ text }) => text)
  const hop: Query = {
    ...last.query,
    ...(query.configFile === undefined ? {} : { configFile: query.configFile }),
    ...(rest.length === 0 ? {} : { jump: rest.join(',') }),
  }
  return [...(await endpointsOf(hop, signal, depth + 1)), endpoint]
}

async function askOpenSsh(query: Query, signal: AbortSignal): Promise<string> {
  const { address, user, port, identityFile, configFile } = query
  const options = [
    ...(configFile === undefined ? [] : ['-F', configFile]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(identityFile === undefined ? [] : ['-i', identityFile]),
  ]
  const { stdout } = await mustRunLocal(['ssh', '-G', ...options, '--', address], {
    kind: 'configuration',
    what: `ssh -G ${address}`,
    hint: 'mend the OpenSSH client configuration',
    timeoutMs: 10_000,
    signal,
  })
  return stdout
}

/** `key value` lines; a key may come several times. */
export function parseSettings(text: string): ReadonlyMap<string, readonly string[]> {
  const settings = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\S+) (.*)$/.exec(line) ?? []
    if (key === undefined || value === undefined) continue
    settings.set(key.toLowerCase(), [...(settings.get(key.toLowerCase()) ?? []), value])
  }
  return settings
}

/** `user@host:port,[::1]:22` → what each part asks for. */
export function jumpsOf(
  text: string | undefined,
): { readonly text: string; readonly query: Pick<Query, 'address' | 'user' | 'port'> }[] {
  if (text === undefined || text === 'none') return []
  return text.split(',').map((part) => {
    const [, user, bracketed, plain, port] =
      /^(?:(.*)@)?(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(part) ?? []
    const address = bracketed ?? plain
    if (address === undefined) {
      throw new TestbedError('configuration', `"${part}" is no jump host`, {
        hint: 'write host, user@host or user@host:port',
      })
    }
    const query = {
      address,
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port: Number(port) }),
    }
    return { text: part, query }
  })
}

async function toEndpoint(query: Query, settings: ReadonlyMap<string, readonly string[]>): Promise<Endpoint> {
  const one = (key: string) => settings.get(key)?.[0]
  const host = one('hostname') ?? query.address
  const port = Number(one('port') ?? 22)
  const user = one('user') ?? userInfo().username
  const expand = (path: string) =>
    path.replace(/^~(?=\/)/, homedir()).replace(/%[dhruL%]/g, (token) => {
      const values: Readonly<Record<string, string>> = {
        '%d': homedir(),
        '%h': host,
        '%r': user,
        '%u': userInfo().username,
        '%%': '%',
      }
      return values[token] ?? token
    })
  const identities =
    query.identityFile === undefined ? (settings.get('identityfile') ?? []) : [query.identityFile]
  const privateKeys: string[] = []
  for (const path of identities.map(expand)) {
    if (await exists(path)) privateKeys.push(path)
  }
  const agent = agentOf(one('identityagent'), expand)
  const files = [one('userknownhostsfile') ?? '~/.ssh/known_hosts', one('globalknownhostsfile') ?? '']
  const alias = one('hostkeyalias')
  return {
    host,
    port,
    user,
    privateKeys,
    ...(agent === undefined ? {} : { agent }),
    knownAs: alias ?? (port === 22 ? host : `[${host}]:${port}`),
    knownHostsFiles: files
      .flatMap((list) => list.split(' '))
      .filter((path) => path !== '' && path !== 'none')
      .map(expand),
    strict: ['yes', 'true'].includes(one('stricthostkeychecking') ?? 'ask'),
  }
}

function agentOf(setting: string | undefined, expand: (path: string) => string): string | undefined {
  if (setting === 'none') return undefined
  if (setting === undefined || setting === 'SSH_AUTH_SOCK') {
    const socket = process.env.SSH_AUTH_SOCK
    return socket === undefined || socket === '' ? undefined : 'SSH_AUTH_SOCK'
  }
  if (setting.startsWith('$')) return process.env[setting.slice(1).replace(/[{}]/g, '')]
  return expand(setting)
}
