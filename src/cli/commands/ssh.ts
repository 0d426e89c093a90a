import { pipeline } from 'node:stream/promises'
import { loadTestbed } from '../../config/testbed.ts'
import { TestbedError } from '../../core/errors.ts'
import { openHost } from '../../testbed/open.ts'
import type { Session } from '../session.ts'

/** Exit code is that of the command on the host. */
export async function ssh(
  { signal }: Session,
  options: { testbed: string },
  args: readonly string[],
): Promise<number> {
  const { value } = await loadTestbed(options.testbed)
  const [name = '', program, ...rest] = args
  const host = await openHost(value.name, name, signal)
  try {
    if (program !== undefined) return await runThere(await host.stream({ argv: [program, ...rest] }), signal)
    if (process.stdin.isTTY !== true) {
      throw new TestbedError('configuration', 'a shell needs a terminal', {
        hint: `give a command: testbed ssh ${name} -- uname -a`,
      })
    }
    return await host.shell(process.stdin, process.stdout)
  } finally {
    host.close()
  }
}

async function runThere(
  there: Awaited<ReturnType<Awaited<ReturnType<typeof openHost>>['stream']>>,
  signal: AbortSignal,
): Promise<number> {
  signal.addEventListener('abort', () => there.kill(), { once: true })
  const outputs = Promise.all([
    pipeline(there.stdout, process.stdout, { end: false }),
    pipeline(there.stderr, process.stderr, { end: false }),
  ])
  process.stdin.pipe(there.stdin)
  const exitCode = await there.exit
  await outputs
  process.stdin.unpipe()
  process.stdin.destroy()
  return exitCode
}
