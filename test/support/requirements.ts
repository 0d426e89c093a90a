import { describe, test } from 'vitest'
import { packageRoot } from '../../src/config/paths.ts'
import type { ProviderName } from '../../src/config/resolved.ts'
import { systemClock } from '../../src/core/time.ts'
import { selectProvider } from '../../src/providers/select.ts'
import { cacheFolder } from '../../src/testbed/state.ts'

/** What this machine lacks to run hosts of that provider, in words; undefined when nothing. */
export async function lacks(provider: ProviderName): Promise<string | undefined> {
  const { requirements } = await selectProvider(provider, {
    stateFolder: '/nonexistent',
    cacheFolder: cacheFolder(),
    projectFolder: packageRoot,
    progress: () => {},
    clock: systemClock,
  })
  const missing = requirements.filter((one) => !one.satisfied)
  return missing.length === 0 ? undefined : missing.map(({ name, hint }) => `${name} (${hint})`).join(', ')
}

const lackingForNamespaces = await lacks('namespaces')

/**
 * Tests that need real hosts, of namespaces unless `missing` tells what another provider lacks. Where the machine cannot run them they are skipped with the reason printed, and with CI=true
 * they fail instead.
 */
export function describeOnHosts(
  name: string,
  body: () => void,
  missing: string | undefined = lackingForNamespaces,
): void {
  if (missing === undefined) {
    describe(name, body)
  } else if (process.env.CI === 'true') {
    test(name, () => {
      throw new Error(`CI has to run this, and this machine lacks ${missing}`)
    })
  } else {
    process.stderr.write(`skipped: ${name}: this machine lacks ${missing}\n`)
    describe.skip(`${name} (skipped: this machine lacks ${missing})`, body)
  }
}
