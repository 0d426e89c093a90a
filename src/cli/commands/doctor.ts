import { exitCodes } from '../../core/errors.ts'
import { installHint, installMissing, missingPackages } from '../../providers/requirements.ts'
import { selectProvider } from '../../providers/select.ts'
import { contextFor } from '../../testbed/context.ts'
import { advise, columns, print, printJson } from '../output.ts'
import { createView } from '../progress.ts'
import type { Session } from '../session.ts'
import { loadWith, type TestbedOptions } from '../testbed-options.ts'

export async function doctor(
  { signal }: Session,
  options: TestbedOptions & { readonly install?: boolean; readonly json?: boolean },
): Promise<number> {
  const { value } = await loadWith(options)
  const select = () =>
    selectProvider(
      options.provider ?? value.provider,
      contextFor(value.name, () => {}),
    )
  let selection = await select()
  if (options.install === true) {
    const { requirements } = selection
    const view = await createView([])
    if (await view.during(() => installMissing(requirements, view.progress, signal)))
      selection = await select()
  }
  const { provider, requirements, reason } = selection
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
        `\ninstall what is missing:  ${installHint(packages)}\nor let the tool do it:    testbed doctor --install`,
      )
    else if (missing.length === 0) advise('\nall there. Next: testbed up')
  }
  return missing.length === 0 ? 0 : exitCodes.prerequisite
}
