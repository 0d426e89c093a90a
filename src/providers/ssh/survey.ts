import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostName, ResolvedMachine } from '../../config/resolved.ts'
import { TestbedError } from '../../core/errors.ts'
import { lastLines } from '../../core/process.ts'
import type { HostAddress } from '../../hosts/address.ts'
import { runChecked } from '../../hosts/checked.ts'
import { connectHost } from '../../hosts/ssh-host.ts'
import type { ProviderContext } from '../provider.ts'
import { reach } from './reach.ts'

export interface Link {
  readonly name: string
  /** IPv4, with prefix length; those of the link itself (169.254.0.0/16) left out. */
  readonly addresses: readonly string[]
  /** The bridge or bond that it is part of. */
  readonly master?: string
}

/** What a machine is, asked there. Nothing was changed on it. */
export interface Survey {
  readonly name: HostName
  readonly address: HostAddress
  /** Address and port of the machine's own end of the SSH connection. */
  readonly session: { readonly address: string; readonly port: number }
  readonly machineId: string
  readonly distribution: string
  readonly version: string
  readonly freeBytes: number
  /** Of the testbed that it belongs to: `id name`. */
  readonly owner?: string
  readonly links: readonly Link[]
  /** IPv4 routes: where to, and through which link. */
  readonly routes: readonly { readonly destination: string; readonly link: string }[]
}

/** Logs in to a machine and looks at it. @throws TestbedError when it cannot be reached, or is not ours to command */
export async function surveyMachine(
  context: ProviderContext,
  name: HostName,
  machine: ResolvedMachine,
  signal: AbortSignal,
): Promise<Survey> {
  const reached = await reach(context, name, machine, signal)
  const asUser = await connectHost(reached, signal)
  try {
    const { stdout } = await runChecked(asUser, ['sh', '-c', 'id -u; echo "$SSH_CONNECTION"'], { signal })
    const [uid, connection = ''] = stdout.split('\n')
    const [, , localAddress = '', localPort = '22'] = connection.split(' ')
    const sudo = uid !== '0'
    if (sudo) await requireSudo(asUser, reached.user, signal)
    const script = await readFile(join(context.projectFolder, 'provision/ssh/survey.sh'), 'utf8')
    const said = await runChecked(asUser, sudo ? ['sudo', '-n', '--', 'sh', '-s'] : ['sh', '-s'], {
      what: 'survey',
      input: script,
      timeoutMs: 30_000,
      signal,
    })
    return {
      name,
      address: {
        ...reached,
        mgmtAddress: machine.mgmtAddress ?? localAddress,
        ...(sudo ? { sudo } : {}),
      },
      session: { address: localAddress, port: Number(localPort) },
      ...parseSurvey(said.stdout),
    }
  } finally {
    asUser.close()
  }
}

async function requireSudo(
  host: Parameters<typeof runChecked>[0],
  user: string,
  signal: AbortSignal,
): Promise<void> {
  const { exitCode, stderr } = await host.run({ argv: ['sudo', '-n', '--', 'true'] }, { signal })
  if (exitCode === 0) return
  throw new TestbedError('configuration', `${user} may not run commands as root`, {
    where: host.name,
    why: lastLines(stderr, 2),
    hint: `log in as root, or let ${user} do so without a password: echo '${user} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/${user}`,
  })
}

/** @param text `name<TAB>value` lines as provision/ssh/survey.sh prints them */
export function parseSurvey(text: string): Omit<Survey, 'name' | 'address' | 'session'> {
  const facts = new Map(
    text.split('\n').flatMap((line) => {
      const tab = line.indexOf('\t')
      return tab > 0 ? [[line.slice(0, tab), line.slice(tab + 1)] as const] : []
    }),
  )
  const owner = facts.get('owner')
  return {
    machineId: facts.get('machineId') ?? '',
    distribution: facts.get('distribution') ?? '',
    version: facts.get('version') ?? '',
    freeBytes: Number(facts.get('freeBytes') ?? 0),
    ...(owner === undefined ? {} : { owner }),
    links: listOf<IpLink>(facts.get('links')).flatMap(toLink),
    routes: listOf<IpRoute>(facts.get('routes')).flatMap(({ dst, dev }) =>
      dst === undefined || dev === undefined ? [] : [{ destination: dst, link: dev }],
    ),
  }
}

/** Parts of what `ip -j addr show` and `ip -j route show` print. */
interface IpLink {
  readonly ifname?: string
  readonly master?: string
  readonly addr_info?: readonly {
    readonly family?: string
    readonly local?: string
    readonly prefixlen?: number
    readonly scope?: string
  }[]
}
interface IpRoute {
  readonly dst?: string
  readonly dev?: string
}

function listOf<Item>(json: string | undefined): readonly Item[] {
  return json === undefined ? [] : (JSON.parse(json) as Item[])
}

function toLink({ ifname, master, addr_info = [] }: IpLink): Link[] {
  if (ifname === undefined) return []
  const addresses = addr_info.flatMap(({ family, local, prefixlen, scope }) =>
    family === 'inet' && scope !== 'link' ? [`${local}/${prefixlen}`] : [],
  )
  return [{ name: ifname, addresses, ...(master === undefined ? {} : { master }) }]
}
