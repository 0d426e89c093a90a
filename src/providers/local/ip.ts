import { mustRunLocal, runLocal } from '../../core/process.ts'

const timeoutMs = 10_000

/** Runs `ip` commands in one process, in the given network namespace or (undefined) the machine's. */
export async function ip(
  netns: string | undefined,
  commands: readonly string[],
  what = `network set-up (${commands[0]} …)`,
): Promise<void> {
  await mustRunLocal(['ip', ...inside(netns), '-batch', '-'], { input: linesOf(commands), timeoutMs, what })
}

/** Runs each of them, whatever becomes of the others. */
export async function tryIp(netns: string | undefined, commands: readonly string[]): Promise<void> {
  await runLocal(['ip', '-force', ...inside(netns), '-batch', '-'], { input: linesOf(commands), timeoutMs })
}

function inside(netns: string | undefined): string[] {
  return netns === undefined ? [] : ['-n', netns]
}

function linesOf(commands: readonly string[]): string {
  return `${commands.join('\n')}\n`
}
