import { runChecked } from './checked.ts'
import type { Host } from './host.ts'

/** Where `provision/` stands on a host; its scripts are there on every host that is up. */
const script = '/usr/local/lib/migration-testbed/provision/inventory.sh'

/** What is on a host that an experiment could leave behind: `kind item` → how many times. */
export type Inventory = ReadonlyMap<string, number>

/** Lists containers, images, networks, links, mounts, network namespaces, firewall rules and processes of a host. */
export async function takeInventory(host: Host, signal: AbortSignal): Promise<Inventory> {
  const { stdout } = await runChecked(host, ['sh', script], { what: 'inventory', timeoutMs: 30_000, signal })
  return parseInventory(stdout)
}

/** @param text lines `kind<TAB>item` */
export function parseInventory(text: string): Inventory {
  const inventory = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (!line.includes('\t')) continue
    const item = line.replace('\t', ' ')
    inventory.set(item, (inventory.get(item) ?? 0) + 1)
  }
  return inventory
}

/** What is there now and was not before, or is missing now, a sentence each. */
export function compareInventories(before: Inventory, now: Inventory): string[] {
  const differences: string[] = []
  for (const item of new Set([...before.keys(), ...now.keys()])) {
    const change = (now.get(item) ?? 0) - (before.get(item) ?? 0)
    if (change > 0) differences.push(`left behind: ${item}${change > 1 ? ` (${change} times)` : ''}`)
    if (change < 0) differences.push(`gone: ${item}`)
  }
  return differences
}
