import { Command, CommanderError, Option } from 'commander'
import { providerNames } from '../config/resolved.ts'
import { exitCodes, formatError, TestbedError } from '../core/errors.ts'
import { backEndNames } from '../volumes/back-end.ts'
import type * as VolumeCommands from './commands/volume.ts'
import { interruptible } from './interrupt.ts'
import type { Session } from './session.ts'

/** Runs the command line. Sets the exit code; never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endQuietly)
  const program = createProgram()
  try {
    await program.parseAsync([...argv])
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : exitCodes.configuration
      return
    }
    process.stderr.write(`${formatError(error)}\n`)
    process.exitCode = error instanceof TestbedError ? error.exitCode : exitCodes.internal
  }
}

/** Whoever reads our output may have read enough: `testbed facts | head`. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
}

type Action<Options> = (
  session: Session,
  options: Options,
  args: readonly string[],
) => Promise<number | undefined>

/** The commands; each handler is loaded only when it is called, so that help costs nothing. */
export function createProgram(): Command {
  const program = new Command('testbed')
    .description('What does moving a running container cost its users, with each toolchain?')
    .showSuggestionAfterError()
    .showHelpAfterError('(testbed help COMMAND tells more)')
    .exitOverride()
    .enablePositionalOptions() // what follows `kubectl` is its own
    .configureOutput({ outputError: (text, write) => write(`✗ ${text.replace(/^error: /, '')}`) })
    .addHelpText('after', examples)

  const testbedOption = () =>
    new Option('--testbed <file>', 'testbed file, or the name of one in testbed/').default('default')
  const providerOption = () =>
    new Option('--provider <name>', "wins over the testbed file's provider").choices([
      'auto',
      ...providerNames,
    ])
  const json = () => new Option('--json', 'print the result as JSON')
  const install = () => new Option('--install', 'install what this machine lacks, with apt')
  const components = () =>
    new Option('--with <components>', 'components beside those of the file, separated by commas')

  program
    .command('up')
    .description('bring the testbed up: make what is missing, leave what runs')
    .addOption(testbedOption())
    .addOption(providerOption())
    .addOption(components())
    .addOption(install())
    .addOption(json())
    .addHelpText(
      'after',
      '\nExamples:\n  testbed up\n  testbed up --testbed my-lab.yaml --install\n  testbed up --json | jq .hosts',
    )
    .action(lazily(async () => (await import('./commands/up.ts')).up))
  program
    .command('down')
    .description('remove the testbed: processes, namespaces, devices, files; caches and results stay')
    .addOption(testbedOption())
    .option(
      '--all',
      'every testbed with networks on this machine, from whatever folder it was made, also where that folder is gone',
    )
    .addOption(json())
    .addHelpText(
      'after',
      '\nExamples:\n  testbed down\n  testbed down --all            after a crash, or in CI',
    )
    .action(lazily(async () => (await import('./commands/down.ts')).down))
  program
    .command('rebuild')
    .description('make every host anew: provisioned and clean, nothing built or installed again')
    .addOption(testbedOption())
    .addOption(providerOption())
    .addOption(components())
    .addOption(install())
    .addOption(json())
    .action(lazily(async () => (await import('./commands/up.ts')).rebuildAll))
  program
    .command('status')
    .description('tell what is up')
    .addOption(testbedOption())
    .addOption(json())
    .action(lazily(async () => (await import('./commands/status.ts')).status))
  program
    .command('doctor')
    .description('tell what this machine has and lacks, and how to get it')
    .addOption(testbedOption())
    .addOption(providerOption())
    .addOption(install())
    .addOption(json())
    .action(lazily(async () => (await import('./commands/doctor.ts')).doctor))
  program
    .command('facts')
    .description('tell what each host can do, as measured there')
    .addOption(testbedOption())
    .addOption(json())
    .action(lazily(async () => (await import('./commands/facts.ts')).facts))
  program
    .command('ssh <host> [command...]')
    .description('open a shell on a host, or run a command there')
    .addOption(testbedOption())
    .addHelpText('after', '\nExamples:\n  testbed ssh host-a\n  testbed ssh host-b -- docker ps')
    .action(lazily(async () => (await import('./commands/ssh.ts')).ssh))
  program
    .command('kubectl [arguments...]')
    .description('run kubectl against the cluster of the testbed')
    .addOption(testbedOption())
    .allowUnknownOption()
    .passThroughOptions()
    .addHelpText(
      'after',
      '\nExamples:\n  testbed kubectl get nodes -o wide\n  testbed kubectl --testbed my-lab.yaml apply -f app.yaml',
    )
    .action(lazily(async () => (await import('./commands/kubectl.ts')).kubectl))
  program
    .command('logs <folder>')
    .description('collect the logs of the testbed and its hosts in a folder')
    .addOption(testbedOption())
    .action(lazily(async () => (await import('./commands/logs.ts')).logs))
  program
    .command('image <action> [name]')
    .description(
      'what virtual machines are started from: list, build [NAME], or box (pack a box for Vagrant)',
    )
    .addOption(testbedOption())
    .addOption(components())
    .addOption(install())
    .addOption(json())
    .addHelpText(
      'after',
      '\nExamples:\n  testbed image list\n  testbed image build debian-13\n  testbed image box           a box for vagrant and libvirt, without downloads',
    )
    .action(lazily(async () => (await import('./commands/image.ts')).image))

  addVolumeCommands(program, { testbedOption, json })

  const repetitions = () =>
    new Option('--repetitions <n>', 'blocks: one repetition of every cell each').argParser(positiveInteger)
  program
    .command('run <experiment>')
    .description(
      'run an experiment and print the comparison; brings the testbed up, and down again, if it is not up',
    )
    .addOption(testbedOption())
    .addOption(providerOption())
    .addOption(components())
    .addOption(install())
    .addOption(new Option('--out <folder>', 'where the run folder is made').default('results'))
    .addOption(new Option('--only <axis=value,…>', 'only the cells with these values'))
    .addOption(repetitions())
    .addOption(new Option('--dry-run', 'print the plan and touch nothing'))
    .addOption(new Option('--keep', 'leave the testbed up that was brought up for the run'))
    .addOption(json())
    .addHelpText(
      'after',
      '\nExamples:\n  testbed run experiments/quickstart.yaml\n  testbed run quickstart --only toolchain=docker-checkpoint,workload=redis --repetitions 10\n  testbed run kubernetes --with kubernetes\n  testbed run quickstart --dry-run',
    )
    .action(lazily(async () => (await import('./commands/run.ts')).run))
  program
    .command('resume <folder>')
    .description('go on with a run that was interrupted or killed')
    .addOption(install())
    .addOption(new Option('--keep', 'leave the testbed up that was brought up for the run'))
    .addOption(json())
    .addHelpText('after', '\nExample:\n  testbed resume results/quickstart/latest')
    .action(lazily(async () => (await import('./commands/run.ts')).resume))
  const format = () =>
    new Option('--format <name>', 'how to print it').choices(['table', 'markdown', 'csv', 'json'])
  program
    .command('report <folder>')
    .description('print the comparison of a run, finished or not')
    .addOption(format().default('table'))
    .addHelpText('after', '\nExample:\n  testbed report results/quickstart/latest --format markdown')
    .action(lazily(async () => (await import('./commands/report.ts')).report))
  program
    .command('compare <folders...>')
    .description('print runs side by side, as ratios to the first')
    .addOption(format().default('table'))
    .action(lazily(async () => (await import('./commands/report.ts')).compare))
  program
    .command('schema <name>')
    .description(
      'print the JSON Schema of a kind of file: testbed, experiment, workload, trial, report, plan',
    )
    .action(lazily(async () => (await import('./commands/schema.ts')).schema))
  program
    .command('completion <shell>')
    .description('print a completion script for bash, zsh or fish')
    .addHelpText('after', '\nExample:\n  source <(testbed completion bash)')
    .action(
      lazily(
        async () => (session, options, args) =>
          import('./commands/completion.ts').then((m) => m.completion(session, options, args, program)),
      ),
    )
  return program
}

/** `testbed volume …`: data that follows its container from host to host. */
function addVolumeCommands(
  program: Command,
  { testbedOption, json }: { readonly testbedOption: () => Option; readonly json: () => Option },
): void {
  const volume = program
    .command('volume')
    .description('datasets that move between hosts: create, list, show, move, snapshot, lease … destroy')
    .addHelpText(
      'after',
      '\nExamples:\n  testbed volume create shop --size 1GiB --host host-a\n  testbed volume move shop host-b\n  testbed volume lease shop --for 5m',
    )
  const token = () => new Option('--token <token>', 'of the lease that you have')
  const duration = () => new Option('--for <duration>', 'how long it holds, such as 5m').makeOptionMandatory()
  const add = (
    usage: string,
    description: string,
    handler: keyof typeof VolumeCommands,
    ...options: Option[]
  ) => {
    const command = volume.command(usage).description(description)
    for (const option of [...options, testbedOption(), json()]) command.addOption(option)
    return command.action(
      lazily(async () => (await import('./commands/volume.ts'))[handler] as Action<unknown>),
    )
  }
  add(
    'create <name>',
    'make an empty dataset and mount it on its host',
    'create',
    new Option('--size <size>', 'what it may hold at most, such as 1GiB').makeOptionMandatory(),
    new Option('--host <host>', 'where it is to be; the first host when absent'),
    new Option('--back-end <name>', 'how copies are kept').choices(['auto', ...backEndNames]).default('auto'),
    new Option('--meta <key=value...>', 'what you want to remember of it'),
  )
  add('list', 'what datasets there are, their state and why', 'list')
  add('show <name>', 'a dataset with all its copies, as the hosts say', 'show')
  add(
    'move <name> <host>',
    'move it while it is in use; only the last difference is sent detached',
    'move',
    token(),
  )
  add('attach <name>', 'mount it on its host; prints where', 'attach')
  add('detach <name>', 'unmount it', 'detach')
  add('snapshot <name> <label>', 'keep what is in it now', 'snapshot')
  add(
    'lease <name>',
    'keep others from moving it; prints the token that renews it',
    'lease',
    duration(),
    new Option('--holder <name>', 'who has it; you, on this machine, when absent'),
  )
  add(
    'renew <name>',
    'keep it for longer; refused once it ran out',
    'renew',
    duration(),
    token().makeOptionMandatory(),
  )
  add('release <name>', 'let others move it again', 'release', token().makeOptionMandatory())
  add('destroy <name>', 'remove it with all its copies', 'destroy', token())
}

/** A commander action that loads its handler, hands it the session, and takes its exit code. */
function lazily<Options>(load: () => Promise<Action<Options>>): (...parameters: unknown[]) => Promise<void> {
  return async (...parameters) => {
    const command = parameters.at(-1) as Command
    const args = parameters
      .slice(0, -2)
      .flat()
      .filter((argument): argument is string => typeof argument === 'string')
    const handler = await load()
    const exitCode = await interruptible((signal) => handler({ signal }, command.opts() as Options, args))
    process.exitCode = exitCode ?? 0
  }
}

function positiveInteger(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new TestbedError('configuration', `--repetitions ${text} is not a whole number from 1`, {
    hint: 'for example --repetitions 10',
  })
}

const examples = `
Examples:
  testbed doctor                                what does this machine lack?
  testbed run experiments/quickstart.yaml       two toolchains, two workloads, one table
  testbed up && testbed ssh host-a              look around on a host

Exit codes: 0 all good · 1 a fault of ours · 2 usage or configuration · 3 this machine lacks something · 4 testbed failed ·
5 some trial did not end ok or unsupported · 6 busy · 130 interrupted`
