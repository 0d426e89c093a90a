import { exitCodes } from '../../core/errors.ts'
import { installHint, missingPackages } from '../../providers/requirements.ts'
import { selectProvider } from '../../providers/select.ts'
import { contextFor } from '../../testbed/context.ts'
import { advise, columns, print, printJson } from '../output.ts'
import type { Session } from '../session.ts'
import { loadWith, type TestbedOptions } from '../testbed-options.ts'

export async function doctor(_: Session, options: TestbedOptions & { json?: boolean }): Promise<number> {
  const { value } = await loadWith(options)
  const { provider, requirements, reason } = await selectProvider(
    options.provider ?? value.provider,
    contextFor(value.name, () => {}),
  )
  const missing = requirements.filter((one) => !one.satisfied)
  if (options.json === true) printJson({ provider: provider.name, reason, requirements })
  else {
    print(`provider ${provider.name} (${reason})`)
    print(
      columns(
        requirements.map((one) => [one.satisfied ? '✓' : '✗', one.name, one.satisfied ? '' : one.hint]),
      ),
    )
    const packages = missingPackages(requirements)
    if (packages.length > 0)
      advise(
        `\ninstall what is missing:  ${installHint(packages)}\nor let the tool do it:    testbed up --install`,
      )
    else if (missing.length === 0) advise('\nall there. Next: testbed up')
  }
  return missing.length === 0 ? 0 : exitCodes.prerequisite
}
