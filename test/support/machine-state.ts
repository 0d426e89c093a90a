import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** What a testbed could leave behind on this machine: sorted lines, each `kind item`. */
export type MachineState = readonly string[]

/**
 * Snapshot of network namespaces, links, addresses, routes, mounts, firewall rules, cgroups, settings of the kernel, of
 * files left in the folder for temporary ones, and of the processes that carry the label of testbed `id` or
 * `marker` in their environment. Other testbeds of this machine come and go meanwhile: what carries their label is left out.
 */
export function machineState(id: string, marker: string): MachineState {
  const kinds: Record<string, readonly string[]> = {
    netns: said('ip', 'netns', 'list'),
    link: said('ip', '-o', 'link', 'show'),
    address: said('ip', '-o', 'addr', 'show').map((line) => line.replace(/(valid|preferred)_lft \S+/g, '')),
    route: said('ip', 'route', 'show', 'table', 'all'),
    mount: mounts(),
    firewall: firewallRules(),
    cgroup: cgroups(),
    setting: settings(),
    process: processes(id, marker),
    temporary: readdirSync(tmpdir()).filter((name) => /^(mmdebstrap|migration-testbed)/.test(name)),
  }
  const foreign = new RegExp(`(mtb-?|migration-testbed/)(?!${id})[0-9a-f]{6}`)
  return Object.entries(kinds)
    .flatMap(([kind, items]) => items.map((item) => `${kind} ${item}`))
    .filter((line) => !foreign.test(line))
    .sort()
}

/** Lines that came (`+`) and went (`-`). */
export function differences(before: MachineState, after: MachineState): string[] {
  const [was, is] = [new Set(before), new Set(after)]
  return [
    ...after.filter((line) => !was.has(line)).map((line) => `+ ${line}`),
    ...before.filter((line) => !is.has(line)).map((line) => `- ${line}`),
  ]
}

/** Lines of what a program of this machine says; none where it is not there. */
export function said(program: string, ...args: string[]): string[] {
  return linesOf(spawnSync(program, args, { encoding: 'utf8' }).stdout ?? '')
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '')
}

/** Without iproute2's mount of /run/netns on itself while it says that it belongs to the testbeds that are up. */
function mounts(): string[] {
  const lines = linesOf(readFileSync('/proc/self/mountinfo', 'utf8'))
  const ofTestbeds = existsSync('/run/migration-testbed-netns')
  return lines.filter((line) => !(ofTestbeds && line.split(' ')[4] === '/run/netns')).map(withoutNumbers)
}

/** Mount and parent numbers are given anew each time. */
function withoutNumbers(line: string): string {
  return line.replace(/^\d+ \d+ /, '').replace(/ shared:\d+/, ' shared')
}

function firewallRules(): string[] {
  const counted = [
    ...said('nft', '-s', 'list', 'ruleset'),
    ...said('iptables-save'),
    ...said('ip6tables-save'),
  ]
  return counted.filter((line) => !line.startsWith('#')).map((line) => line.replace(/\[\d+:\d+\]/, ''))
}

function cgroups(): string[] {
  const roots = linesOf(readFileSync('/proc/self/mountinfo', 'utf8')).flatMap((line) => {
    const [fields = '', type = ''] = line.split(' - ')
    return /^cgroup2? /.test(type) ? [fields.split(' ')[4] ?? ''] : []
  })
  return roots.flatMap((root) => foldersBelow(root, 3))
}

function foldersBelow(folder: string, depth: number): string[] {
  if (depth === 0) return []
  const entries = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : []
  return entries
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => {
      const place = path.join(folder, entry.name)
      const below = foldersBelow(place, depth - 1)
      // The common parent of all testbeds stands as long as any of them does.
      const shared = entry.name === 'migration-testbed' && below.length > 0
      return shared ? below : [place, ...below]
    })
}

/** Values that change by themselves. */
const restless =
  /^(fs\.(dentry-state|file-nr|inode-|quota\.|aio-nr|epoll)|kernel\.(ns_last_pid|random\.|pty\.nr))/

function settings(): string[] {
  return said('sysctl', '-a').filter((line) => /^(net|fs|kernel|vm)\./.test(line) && !restless.test(line))
}

/**
 * Of the testbed: by the label that its hosts carry, by the marker that its commands inherit, by cgroup, and whatever lives
 * in a pid namespace that nobody's process has made and still looks after.
 */
function processes(id: string, marker: string): string[] {
  const here = namespaceOf('self')
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const environment = read(`/proc/${pid}/environ`)
      const cgroup = read(`/proc/${pid}/cgroup`)
      const status = read(`/proc/${pid}/status`)
      const labelled = environment.includes(`MIGRATION_TESTBED=${id}/`) || environment.includes(marker)
      const inGroup = cgroup.includes(`migration-testbed/${id}/`)
      const namespace = namespaceOf(pid)
      const apart = namespace !== undefined && namespace !== here && !cgroup.includes('migration-testbed/')
      const orphaned = apart && /^PPid:\s+1$/m.test(status)
      const ended = /^State:\s+Z/m.test(status)
      if (ended || !(labelled || inGroup || orphaned)) return []
      return [`${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()}`]
    })
}

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined
  }
}

/** Empty when the process has ended meanwhile. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
