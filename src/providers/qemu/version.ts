import { readFile } from 'node:fs/promises'
import { runLocal } from '../../core/process.ts'
import type { Requirement } from '../provider.ts'

/** Under emulation 7.2 crashed guests in three of six boots; 10.0 did not once. */
const oldestUnderTcg = [10, 0] as const

/** `10.0.2` of what `qemu-system-x86_64 --version` says. */
export function parseVersion(text: string): string | undefined {
  return /version (\d+\.\d+(?:\.\d+)?)/.exec(text)?.[1]
}

export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [wantedMajor, wantedMinor] = oldestUnderTcg
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}

/** Of the QEMU on this machine's PATH; undefined when there is none. */
export async function qemuVersion(): Promise<string | undefined> {
  const { exitCode, stdout } = await runLocal(['qemu-system-x86_64', '--version'], { timeoutMs: 10_000 })
  return exitCode === 0 ? parseVersion(stdout) : undefined
}

/** QEMU itself, new enough for what it is used for here. `emulates`: there is no KVM. */
export async function requireQemu(emulates: boolean): Promise<Requirement> {
  const version = await qemuVersion()
  const release = releaseOf(await readFile('/etc/os-release', 'utf8').catch(() => ''))
  const enough = version !== undefined && (!emulates || isNewEnough(version))
  return {
    name: emulates ? `QEMU ${oldestUnderTcg.join('.')} or newer` : 'QEMU',
    satisfied: enough,
    ...newerQemu(release, emulates, enough ? undefined : version),
  }
}

/** Where a QEMU that is new enough comes from, on distributions of which this is known. */
export function newerQemu(
  release: string,
  emulates: boolean,
  version?: string,
): Pick<Requirement, 'hint' | 'packages'> {
  const packages = ['qemu-system-x86', 'qemu-utils']
  const why = version === undefined ? '' : `this is ${version}, which crashes guests when it emulates them: `
  if (release === 'bookworm' && emulates) {
    const newer = packages.map((name) => `${name}/bookworm-backports`)
    return {
      hint: `${why}with bookworm-backports among apt's sources, apt-get install -y --no-install-recommends -t bookworm-backports ${packages.join(' ')}`,
      packages: newer,
    }
  }
  const hasNewer = !['bookworm', 'bullseye', 'jammy', 'noble'].includes(release)
  if (!emulates || hasNewer) {
    return { hint: `${why}apt-get install -y --no-install-recommends ${packages.join(' ')}`, packages }
  }
  return {
    hint: `${why}use a machine with KVM, or a newer release (Debian 13, Ubuntu 25.10): this one's packages hold an older QEMU`,
  }
}

/** `bookworm`, `noble`. */
function releaseOf(osRelease: string): string {
  return /^VERSION_CODENAME=(.*)$/m.exec(osRelease)?.[1] ?? ''
}
