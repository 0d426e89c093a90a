import { readFile } from 'node:fs/promises'
import { runLocal } from '../../core/process.ts'
import type { Route } from '../local/conflicts.ts'
import { allowedRanges } from './conflicts.ts'

/** IPv4 routes of this machine; none where there is no iproute2 to ask (macOS): Vagrant then finds clashes itself. */
export async function machineRoutes(): Promise<Route[]> {
  const { exitCode, stdout } = await runLocal(['ip', '-4', '-j', 'route', 'show', 'table', 'all'], {
    timeoutMs: 10_000,
  })
  return exitCode === 0 ? (JSON.parse(stdout) as Route[]) : []
}

export async function virtualBoxRanges(): Promise<string[]> {
  return allowedRanges(await readFile('/etc/vbox/networks.conf', 'utf8').catch(() => ''))
}
