import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { packageRoot } from '../../src/config/paths.ts'
import type { ProviderName, ResolvedTestbed } from '../../src/config/resolved.ts'
import { loadTestbed } from '../../src/config/testbed.ts'
import { systemClock } from '../../src/core/time.ts'
import { connectHost, type SshHost } from '../../src/hosts/ssh-host.ts'
import { namesFor } from '../../src/providers/local/names.ts'
import type { ProviderContext } from '../../src/providers/provider.ts'
import { cacheFolder, type TestbedState } from '../../src/testbed/state.ts'
import {
  type CommandLineOptions,
  type CommandLineResult,
  type StartedCommandLine,
  startCommandLine,
} from './command-line.ts'

export interface TestbedFolder {
  /** Working directory of every command: state, results and the testbed's file are in it. */
  readonly path: string
  readonly name: string
  /** Of `testbed.yaml`, relative to the folder. */
  readonly file: string
  /** Marks everything that the namespaces provider makes for this testbed. */
  readonly id: string
  /** Runs `testbed COMMAND … --testbed FILE`. */
  run(command: string, ...args: string[]): Promise<CommandLineResult>
  runWith(env: CommandLineOptions['env'], command: string, ...args: string[]): Promise<CommandLineResult>
  start(env: CommandLineOptions['env'], command: string, ...args: string[]): StartedCommandLine
  /** As `start`, for commands that take no `--testbed`. */
  startPlain(env: CommandLineOptions['env'], command: string, ...args: string[]): StartedCommandLine
  resolved(): Promise<ResolvedTestbed>
  context(): ProviderContext
  /** Connects to a host of the testbed, which is up. */
  connect(host: string): Promise<SshHost>
  /** `down`, and the folder is gone. */
  remove(): Promise<void>
}

/**
 * A testbed in a temporary folder of its own, of namespace hosts unless another provider is given.
 * @param index decides its subnets, 10.97.INDEX.0/24 and 10.98.INDEX.0/24: one for each test file
 * @param more.settings lines of YAML that are added to the testbed's file
 */
export async function makeTestbedFolder(
  index: number,
  hosts = 2,
  more: { readonly provider?: ProviderName; readonly settings?: string } = {},
): Promise<TestbedFolder> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'testbed-')))
  const name = `it-${index}`
  const file = 'testbed.yaml'
  await writeFile(
    path.join(folder, file),
    `name: ${name}
provider: ${more.provider ?? 'namespaces'}
hosts: ${hosts}
networks:
  mgmt: { subnet: 10.97.${index}.0/24 }
  service: { subnet: 10.98.${index}.0/24 }
${more.settings ?? ''}`,
  )
  const stateFolder = path.join(folder, '.testbed', name)
  const startPlain: TestbedFolder['startPlain'] = (env, command, ...args) =>
    startCommandLine([command, ...args], env === undefined ? { cwd: folder } : { cwd: folder, env })
  const start: TestbedFolder['start'] = (env, command, ...args) => {
    // What follows -- is a host's own command.
    const end = args.indexOf('--') < 0 ? args.length : args.indexOf('--')
    return startPlain(env, command, ...args.slice(0, end), '--testbed', file, ...args.slice(end))
  }
  const run = (command: string, ...args: string[]) => start(undefined, command, ...args).ended
  return {
    path: folder,
    name,
    file,
    id: namesFor(stateFolder).id,
    run,
    runWith: (env, command, ...args) => start(env, command, ...args).ended,
    start,
    startPlain,
    resolved: async () => (await loadTestbed(path.join(folder, file))).value,
    context: () => ({
      stateFolder,
      cacheFolder: cacheFolder(),
      projectFolder: packageRoot,
      progress: () => {},
      clock: systemClock,
    }),
    connect: async (host) => {
      const { addresses } = await readState(stateFolder)
      const address = addresses?.find((one) => one.name === host)
      if (address === undefined) throw new Error(`${name} has no host ${host}`)
      return await connectHost(address)
    },
    remove: async () => {
      const { exitCode, stderr } = await run('down')
      if (exitCode !== 0) throw new Error(`down failed:\n${stderr}`)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function readState(stateFolder: string): Promise<TestbedState> {
  return JSON.parse(await readFile(path.join(stateFolder, 'testbed.json'), 'utf8')) as TestbedState
}

/** Fails with everything that the command said unless it ended with that exit code. */
export function expectExit(result: CommandLineResult, exitCode: number): CommandLineResult {
  if (result.exitCode === exitCode) return result
  throw new Error(
    `exit code ${result.exitCode} instead of ${exitCode}\n${result.stdout}\n${result.stderr.slice(-4000)}`,
  )
}
