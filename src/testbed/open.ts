import type { HostName, TestbedName } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import { connectHost, type SshHost } from '../hosts/ssh-host.ts'
import type { HostStatus } from '../providers/provider.ts'
import { selectProvider } from '../providers/select.ts'
import { contextFor } from './context.ts'
import { readState, type TestbedState } from './state.ts'

export interface TestbedStatus {
  readonly name: TestbedName
  readonly state: 'up' | 'incomplete' | 'down'
  readonly provider?: string
  readonly createdAt?: string
  readonly hosts: readonly (HostStatus & { readonly address?: string })[]
}

/** What is there of a testbed, asked of its provider now. */
export async function statusOf(name: TestbedName): Promise<TestbedStatus> {
  const state = await readState(name)
  if (state === undefined) return { name, state: 'down', hosts: [] }
  const { provider } = await selectProvider(
    state.provider,
    contextFor(name, () => {}),
  )
  const found = await provider.list(name)
  const hosts = state.testbed.hosts.map((host) => {
    const status = found.find((one) => one.name === host.name)
    // Of an existing machine only its provider knows the address.
    const reached = state.addresses?.find(({ name: known }) => known === host.name)
    const address = reached?.mgmtAddress ?? host.mgmtAddress
    return { name: host.name, state: status?.state ?? ('dead' as const), address }
  })
  const whole = state.addresses !== undefined && hosts.every((host) => host.state === 'running')
  return {
    name,
    state: whole ? 'up' : 'incomplete',
    provider: state.provider,
    createdAt: state.createdAt,
    hosts,
  }
}

/** The state of a testbed that is up. @throws TestbedError when it is not */
export async function requireUp(
  name: TestbedName,
): Promise<TestbedState & Required<Pick<TestbedState, 'facts' | 'addresses'>>> {
  const state = await readState(name)
  if (state?.facts === undefined || state.addresses === undefined) {
    throw new TestbedError('testbed', `testbed ${name} is not up`, { hint: 'bring it up: testbed up' })
  }
  return { ...state, facts: state.facts, addresses: state.addresses }
}

/** Connects to one host of a testbed that is up. @throws TestbedError when there is no such host */
export async function openHost(name: TestbedName, hostName: HostName, signal: AbortSignal): Promise<SshHost> {
  const { addresses, facts } = await requireUp(name)
  const address = addresses.find((one) => one.name === hostName)
  if (address === undefined) {
    throw new TestbedError('configuration', `testbed ${name} has no host ${hostName}`, {
      hint: `its hosts are ${addresses.map((one) => one.name).join(', ')}`,
    })
  }
  const host = await connectHost(address, signal)
  const known = facts[hostName]
  return known === undefined ? host : host.withFacts(known)
}
