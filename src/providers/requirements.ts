import { access, constants, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { machinePackageSource } from '../core/packages.ts'
import { type LocalOptions, mustRunLocal } from '../core/process.ts'
import { type Progress, step } from '../core/progress.ts'
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

/** Packages that would satisfy what is missing, each once: where one is wanted of a suite (`name/suite`), of that one. */
export function missingPackages(requirements: readonly Requirement[]): string[] {
  const wanted = new Set(requirements.filter((one) => !one.satisfied).flatMap((one) => one.packages ?? []))
  const ofSuites = new Set([...wanted].flatMap((name) => (name.includes('/') ? name.split('/')[0] : [])))
  return [...wanted].filter((name) => !ofSuites.has(name))
}

/** Installs with apt what is missing and packages can bring. Answers whether there was any such thing. @throws TestbedError */
export async function installMissing(
  requirements: readonly Requirement[],
  progress: Progress,
  signal: AbortSignal,
): Promise<boolean> {
  const packages = missingPackages(requirements)
  if (packages.length === 0) return false
  await step(progress, `install ${packages.join(', ')} on this machine`, () =>
    installPackages(packages, signal, (text) => progress({ kind: 'note', text })),
  )
  return true
}

/**
 * Installs packages on this machine with apt; `name/suite` comes from that suite (`qemu-utils/bookworm-backports`), which apt
 * gets to know if need be. @throws TestbedError with apt's last lines.
 */
async function installPackages(
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
  await addSuites(packages, { timeoutMs: 60_000, signal })
  await mustRunLocal(['apt-get', '-q', 'update'], {
    ...options,
    what: 'apt-get update',
    hint: 'are the package sources of this machine reachable?',
  })
  for (const chosen of installArguments(packages)) {
    await mustRunLocal(['apt-get', '-q', 'install', '-y', '--no-install-recommends', ...chosen], {
      ...options,
      what: `installation of ${chosen.join(' ')}`,
      hint: `install them by hand and try again: ${installHint(chosen)}`,
    })
  }
}

/**
 * What apt-get is told, a call each: packages without a suite, then those of each suite, with what they depend on from there too
 * where that fits better. (`name/suite` alone would leave apt with dependencies of two suites, which it cannot always resolve.)
 */
export function installArguments(packages: readonly string[]): string[][] {
  const plain = packages.filter((name) => !name.includes('/'))
  const ofSuites = suitesOf(packages).map((suite) => {
    const names = packages.flatMap((name) => (name.endsWith(`/${suite}`) ? (name.split('/')[0] ?? []) : []))
    return ['-t', suite, ...names]
  })
  return [...(plain.length === 0 ? [] : [plain]), ...ofSuites]
}

/** Suites that packages are asked of by name, each once. */
export function suitesOf(packages: readonly string[]): string[] {
  return [...new Set(packages.flatMap((name) => name.split('/')[1] ?? []))]
}

/** Of suites that apt does not know it is told in a file of our own; what else is installed does not come from backports. */
async function addSuites(packages: readonly string[], options: LocalOptions): Promise<void> {
  const wanted = suitesOf(packages)
  if (wanted.length === 0) return
  const format = ['--format', '$(RELEASE) $(CODENAME) $(SUITE)'] as const
  const { stdout } = await mustRunLocal(['apt-get', 'indextargets', ...format], options)
  const known = new Set(stdout.split(/\s+/))
  const { uri, keyring } = await machinePackageSource()
  const signed = keyring === undefined ? '' : `[signed-by=${keyring}] `
  for (const suite of wanted.filter((name) => !known.has(name))) {
    await writeFile(
      `/etc/apt/sources.list.d/migration-testbed-${suite}.list`,
      `# Added by migration-testbed (up --install) for ${packages.join(', ')}. Remove it at will.\ndeb ${signed}${uri} ${suite} main\n`,
    )
  }
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
