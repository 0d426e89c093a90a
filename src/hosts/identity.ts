import { isDeepStrictEqual } from 'node:util'
import { TestbedError } from '../core/errors.ts'
import type { Host } from './host.ts'

/** What tells one host from another, and has to be the same whenever it was put back. */
export interface Identity {
  readonly hostName: string
  readonly machineId: string
  /** Of the interfaces with the host's `mgmt` address and of the bridge `svc0`, by name. */
  readonly interfaces: readonly { readonly name: string; readonly mac: string; readonly address: string }[]
}

interface IpInterface {
  readonly ifname: string
  readonly address?: string
  readonly addr_info?: readonly { readonly family: string; readonly local: string }[]
}

/**
 * Reads what `provision/identity.sh` says of a host.
 * @param said its output
 * @param mgmtAddress of the host, as its testbed has it
 */
export function parseIdentity(said: string, mgmtAddress: string): Identity & { readonly mark: string } {
  const [hostName = '', machineId = '', mark = '', ...rest] = said.split('\n')
  const interfaces = (JSON.parse(rest.join('\n')) as readonly IpInterface[]).flatMap((one) => {
    const local = (one.addr_info ?? []).filter(({ family }) => family === 'inet').map((info) => info.local)
    const address = one.ifname === 'svc0' ? local[0] : local.find((candidate) => candidate === mgmtAddress)
    return address === undefined ? [] : [{ name: one.ifname, mac: one.address ?? '', address }]
  })
  return { hostName, machineId, mark, interfaces }
}

/** Asks a host who it is; it has to have the scripts of `provision/`. @throws TestbedError when it cannot say */
export async function readIdentity(
  host: Host,
  script: string,
  signal: AbortSignal,
): Promise<Identity & { readonly mark: string }> {
  const { exitCode, stdout, stderr } = await host.run({ argv: ['sh', script] }, { timeoutMs: 30_000, signal })
  if (exitCode === 0) return parseIdentity(stdout, host.address)
  throw new TestbedError('testbed', 'the host cannot say who it is', {
    where: host.name,
    why: [stderr.trim()],
    hint: 'testbed rebuild makes it anew',
  })
}

/** @throws TestbedError that names what differs, when a host that was put back is another one than before */
export function requireSameIdentity(host: string, before: Identity, after: Identity): void {
  const differences = (['hostName', 'machineId', 'interfaces'] as const).filter(
    (part) => !isDeepStrictEqual(before[part], after[part]),
  )
  if (differences.length === 0) return
  throw new TestbedError('testbed', 'the host is another one than before it was put back', {
    where: host,
    why: differences.map(
      (part) => `${part}: ${JSON.stringify(after[part])}, before ${JSON.stringify(before[part])}`,
    ),
    hint: 'take the testbed down and bring it up again: testbed down && testbed up',
  })
}
