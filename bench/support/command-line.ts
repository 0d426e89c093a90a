import { join } from 'node:path'
import { packageRoot } from '../../src/config/paths.ts'
import { mustRunLocal } from '../../src/core/process.ts'

/** Seconds that the command line takes, process start included. */
export async function timeCommand(
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<number> {
  const started = performance.now()
  await mustRunLocal([process.execPath, join(packageRoot, 'bin/testbed.js'), ...args], {
    ...options,
    timeoutMs: 30 * 60_000,
  })
  return (performance.now() - started) / 1000
}
