import type { Host } from '../../src/hosts/host.ts'
import type { Toolchain, TrialContext } from '../../src/toolchains/toolchain.ts'

/** Undoes what was broken. */
export type Heal = () => Promise<unknown>
/** Breaks something while a migration begins. */
export type Sabotage = (context: TrialContext) => Promise<Heal>

/** The same toolchain with its first migration sabotaged; what was broken is mended before it cleans up. */
export function sabotaged(toolchain: Toolchain, sabotage: Sabotage): Toolchain {
  let heal: Heal | undefined
  let done = false
  return {
    ...toolchain,
    migrate: async (context, deployment, timeline) => {
      if (!done) heal = await sabotage(context)
      done = true
      return await toolchain.migrate(context, deployment, timeline)
    },
    remove: async (context) => {
      await heal?.()
      heal = undefined
      await toolchain.remove(context)
    },
  }
}

/** Runs a script on a host beside the migration; it is killed when all is over. */
export async function lurk(host: Host, script: string): Promise<Heal> {
  const process = await host.stream({ argv: ['sh', '-c', script] })
  process.stdout.resume()
  process.stderr.resume()
  process.exit.catch(() => undefined)
  return async () => process.kill()
}

export async function onHost(host: Host, script: string): Promise<void> {
  const { exitCode, stderr } = await host.run({ argv: ['sh', '-c', script] })
  if (exitCode !== 0) throw new Error(`${host.name}: ${script}\n${stderr}`)
}

/** CRIU is at work on that side: its log has begun. Of an earlier trial's there may be one still. */
export const criuWorks = (side: 'dump' | 'restore') =>
  `rm -f /var/log/criu/${side}.log; until [ -s /var/log/criu/${side}.log ]; do sleep 0.002; done`
