import { dirname } from 'node:path'
import type { TestbedName } from '../../config/resolved.ts'
import { runLocal } from '../../core/process.ts'
import type { NetworkName } from './names.ts'

/** A testbed that has networks on this machine, made from whatever working directory. */
export interface Owner {
  readonly name: TestbedName
  /** Absolute; it may be gone. */
  readonly stateFolder: string
  readonly workingDirectory: string
  /** The machine's ends of its networks. */
  readonly links: readonly string[]
}

const aliasForm = /^migration-testbed (?<name>\S+) (?:mgmt|service) (?<folder>\/.+)$/

/** What the machine's end of a network carries as its alias, so that it tells whose it is. */
export function aliasOf(name: TestbedName, network: NetworkName, stateFolder: string): string {
  return `migration-testbed ${name} ${network} ${stateFolder}`
}

/** Every testbed whose networks stand, whole or not, read from the aliases of this machine's links. */
export async function findOwners(): Promise<Owner[]> {
  const { stdout, exitCode } = await runLocal(['ip', '-j', 'link', 'show'], { timeoutMs: 10_000 })
  if (exitCode !== 0) return []
  return ownersOf(JSON.parse(stdout) as Link[])
}

/** A link, as `ip -j link` tells it. */
export interface Link {
  readonly ifname?: string
  readonly ifalias?: string
}

export function ownersOf(links: readonly Link[]): Owner[] {
  const owners = new Map<string, Owner>()
  for (const { ifname, ifalias } of links) {
    const { name, folder } = aliasForm.exec(ifalias ?? '')?.groups ?? {}
    if (ifname === undefined || name === undefined || folder === undefined) continue
    const others = owners.get(folder)?.links ?? []
    // The state folder is <working directory>/.testbed/<name>.
    const workingDirectory = dirname(dirname(folder))
    owners.set(folder, { name, stateFolder: folder, workingDirectory, links: [...others, ifname] })
  }
  return [...owners.values()]
}
