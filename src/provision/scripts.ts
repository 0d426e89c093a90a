import { appendFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TestbedError } from '../core/errors.ts'
import { mustReadLocal } from '../core/process.ts'
import { reasonAndHint, runChecked } from '../hosts/checked.ts'
import type { Host } from '../hosts/host.ts'

/** Where the scripts of `provision/` stand on a host. */
export const remoteFolder = '/usr/local/lib/migration-testbed/provision'

/** Copies `provision/` to a host, in place of what was there. */
export async function sendScripts(host: Host, projectFolder: string): Promise<void> {
  const unpack = 'rm -rf "$1/provision" && mkdir -p "$1" && tar -x -C "$1" --no-same-owner'
  // tar ends with the archive, before it has heard that nothing follows: its exit code counts, not how the stream ended.
  await runChecked(host, ['sh', '-c', unpack, 'sh', dirname(remoteFolder)], {
    input: await mustReadLocal(['tar', '-C', projectFolder, '-c', 'provision'], 30_000),
    what: 'copying the provision scripts',
    hint: `is there room for ${remoteFolder}?`,
    timeoutMs: 120_000,
  })
}

export interface ScriptRun {
  readonly host: Host
  /** Below `provision/`: `20-docker/install.sh`. */
  readonly script: string
  /** In words, for errors: `install docker`. */
  readonly what: string
  /** Local file that gets everything the script says. */
  readonly log: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly onLine?: (line: string) => void
}

/** Runs a script of `provision/` on a host. Answers whether it succeeded. */
export async function tryScript(
  run: ScriptRun,
): Promise<{ exitCode: number; output: string; durationMs: number }> {
  await mkdir(dirname(run.log), { recursive: true })
  const lines: string[] = []
  const { exitCode, durationMs } = await run.host.run(
    {
      argv: ['sh', `${remoteFolder}/${run.script}`, ...(run.args ?? [])],
      ...(run.env === undefined ? {} : { env: run.env }),
    },
    {
      timeoutMs: run.timeoutMs,
      signal: run.signal,
      onLine: (line) => {
        lines.push(line)
        run.onLine?.(line)
      },
    },
  )
  const output = lines.join('\n')
  await appendFile(
    run.log,
    `== ${run.script} (exit ${exitCode} after ${(durationMs / 1000).toFixed(1)} s)\n${output}\n`,
  )
  return { exitCode, output, durationMs }
}

/** As `tryScript`. @throws TestbedError with the script's own reason and hint when it fails. */
export async function runScript(run: ScriptRun): Promise<void> {
  const { exitCode, output, durationMs } = await tryScript(run)
  if (exitCode === 0) return
  const seconds = (durationMs / 1000).toFixed(1)
  throw new TestbedError('testbed', `${run.what} failed (exit ${exitCode} after ${seconds} s)`, {
    where: run.host.name,
    ...reasonAndHint(output),
    log: run.log,
  })
}
