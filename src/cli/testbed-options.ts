import { type ComponentName, componentNames, type ProviderName } from '../config/resolved.ts'
import { loadTestbed } from '../config/testbed.ts'
import { TestbedError } from '../core/errors.ts'
import type { LoadedTestbed } from '../testbed/up.ts'

export interface TestbedOptions {
  readonly testbed: string
  readonly provider?: ProviderName | 'auto'
  readonly with?: string
}

/** The testbed file with what the command line adds to it. */
export async function loadWith(options: TestbedOptions): Promise<LoadedTestbed> {
  const loaded = await loadTestbed(options.testbed)
  if (options.with === undefined) return loaded
  const added = options.with.split(',').map((name) => {
    const known = componentNames.find((component) => component === name)
    if (known !== undefined) return known
    throw new TestbedError('configuration', `--with ${name}: there is no such component`, {
      hint: `components are ${componentNames.join(', ')}`,
    })
  })
  const components: ComponentName[] = [...new Set([...loaded.value.components, ...added])]
  return { ...loaded, value: { ...loaded.value, components } }
}
