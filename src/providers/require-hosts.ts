import type { HostName, ResolvedHost, ResolvedTestbed } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'

/** The testbed's hosts of these names, in the same order. @throws TestbedError for one that it does not have */
export function requireHosts(testbed: ResolvedTestbed, names: readonly HostName[]): ResolvedHost[] {
  return names.map((name) => {
    const host = testbed.hosts.find((one) => one.name === name)
    if (host !== undefined) return host
    throw new TestbedError('configuration', `there is no host ${name} in testbed ${testbed.name}`, {
      hint: `its hosts are ${testbed.hosts.map((one) => one.name).join(', ')}`,
    })
  })
}
