import type { Command } from 'commander'
import { TestbedError } from '../../core/errors.ts'
import { print } from '../output.ts'
import type { Session } from '../session.ts'

/** Completes commands and options; file names are left to the shell. */
export async function completion(
  _: Session,
  __: unknown,
  args: readonly string[],
  program: Command,
): Promise<undefined> {
  const [shell = ''] = args
  const make = { bash, zsh, fish }[shell]
  if (make === undefined) {
    throw new TestbedError('configuration', `no completion for ${shell}`, {
      hint: 'there is one for bash, zsh and fish',
    })
  }
  print(make(program.commands))
}

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => `    ${command.name()}) words="${optionsOf(command).join(' ')}" ;;`)
  return `_testbed() {
  local current=\${COMP_WORDS[COMP_CWORD]} words
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
    *) words="${commands.map((command) => command.name()).join(' ')} help" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${commands.map((command) => command.name()).join(' ')} help"; fi
  COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
}
complete -o filenames -F _testbed testbed`
}

function zsh(commands: readonly Command[]): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`
}

function fish(commands: readonly Command[]): string {
  return commands
    .flatMap((command) => [
      `complete -c testbed -n __fish_use_subcommand -a ${command.name()} -d '${command.description().replaceAll("'", "\\'")}'`,
      ...optionsOf(command).map((word) => {
        const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`
        return `complete -c testbed -n '__fish_seen_subcommand_from ${command.name()}' ${what}`
      }),
    ])
    .join('\n')
}

/** Of a command with sub-commands those, and all that they take. */
function optionsOf(command: Command): string[] {
  const own = command.options.flatMap((option) => option.long ?? [])
  const below = command.commands.flatMap((sub) => [sub.name(), ...optionsOf(sub)])
  return [...new Set([...own, ...below])]
}
