import { access, constants, readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { mustRunLocal } from '../core/process.ts'
import type { Requirement } from './provider.ts'

/** A program that has to be on this machine's PATH, and the Debian or Ubuntu package that brings it. */
export async function requireProgram(program: string, packageName: string): Promise<Requirement> {
  return {
    name: program,
    satisfied: await isOnPath(program),
    hint: installHint([packageName]),
    packages: [packageName],
  }
}

export function installHint(packages: readonly string[]): string {
  return `apt-get install -y --no-install-recommends ${packages.join(' ')}`
}

export function requireRoot(): Requirement {
  return { name: 'root', satisfied: process.getuid?.() === 0, hint: 'run as root: sudo -E npm run …' }
}

export async function requireFileSystem(name: string): Promise<Requirement> {
  const known = await readFile('/proc/filesystems', 'utf8').catch(() => '')
  return {
    name: `kernel: ${name}`,
    satisfied: known.split(/\s+/).includes(name),
    hint: `modprobe ${name}`,
  }
}

/** Packages that would satisfy what is missing, each once. */
export function missingPackages(requirements: readonly Requirement[]): string[] {
  return [...new Set(requirements.filter((one) => !one.satisfied).flatMap((one) => one.packages ?? []))]
}

/** Installs packages on this machine with apt. @throws TestbedError with apt's last lines. */
export async function installPackages(
  packages: readonly string[],
  signal: AbortSignal,
  onLine: (line: string) => void,
): Promise<void> {
  const options = {
    kind: 'prerequisite',
    env: { DEBIAN_FRONTEND: 'noninteractive' },
    timeoutMs: 10 * 60_000,
    signal,
    onLine,
  } as const
  await mustRunLocal(['apt-get', '-q', 'update'], {
    ...options,
    what: 'apt-get update',
    hint: 'are the package sources of this machine reachable?',
  })
  await mustRunLocal(['apt-get', '-q', 'install', '-y', '--no-install-recommends', ...packages], {
    ...options,
    what: `installation of ${packages.join(', ')}`,
    hint: 'install them by hand and try again',
  })
}

async function isOnPath(program: string): Promise<boolean> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  for (const folder of folders) {
    const found = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return true
  }
  return false
}
