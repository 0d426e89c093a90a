import { existsSync } from 'node:fs'
import { TestbedError } from './errors.ts'
import { mustRunLocal } from './process.ts'

/** Where Debian packages come from, as this machine gets them itself. */
export interface PackageSource {
  /** Of an archive's root, the part before `/dists/`. */
  readonly uri: string
  /** Lines of apt.conf without the closing semicolon: `Acquire::Retries "3"`. */
  readonly aptOptions: readonly string[]
  /** Absolute path of the keys that the archive is signed with; apt's own when absent. */
  readonly keyring?: string
}

const mirrorVariable = 'MIGRATION_TESTBED_MIRROR'
const debianKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/**
 * The first Debian archive that apt on this machine is configured for, with the settings that it needs to be reached.
 * `MIGRATION_TESTBED_MIRROR` in the environment names another one.
 * @throws TestbedError (prerequisite) on a machine without any.
 */
export async function machinePackageSource(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<PackageSource> {
  const chosen = environment[mirrorVariable]
  const uri = chosen === undefined || chosen === '' ? await configuredArchive() : checkedMirror(chosen)
  const dump = await mustRunLocal(['apt-config', 'dump'], { kind: 'prerequisite', hint: aptHint })
  return {
    uri,
    aptOptions: networkOptions(dump.stdout),
    ...(existsSync(debianKeyring) ? { keyring: debianKeyring } : {}),
  }
}

const aptHint = 'this machine needs apt (Debian or Ubuntu) to build images from packages'

async function configuredArchive(): Promise<string> {
  const format = '$(REPO_URI)\t$(ORIGIN)\t$(LABEL)\t$(CODENAME)'
  const targets = await mustRunLocal(['apt-get', 'indextargets', '--format', format], {
    kind: 'prerequisite',
    hint: aptHint,
  })
  const uri = debianArchive(targets.stdout)
  if (uri !== undefined) return uri
  throw new TestbedError('prerequisite', 'apt on this machine knows no Debian archive', {
    hint: `set ${mirrorVariable} to the address of a Debian mirror; run apt-get update if it never ran here`,
  })
}

function checkedMirror(text: string): string {
  if (/^(https?|file):\/\/\S+$/.test(text)) return text
  throw new TestbedError('configuration', `${mirrorVariable} is not the address of a mirror: ${text}`, {
    hint: 'http://, https:// or file://, up to the folder that holds dists/',
  })
}

/**
 * The first archive of Debian itself among apt's index targets (tab-separated address, origin, label, codename).
 * An archive of security updates alone holds no base system.
 */
export function debianArchive(targets: string): string | undefined {
  for (const line of targets.split('\n')) {
    const [uri = '', origin, label = '', codename = ''] = line.split('\t')
    const security = /security/i.test(label) || /-security$/.test(codename) || /security\/?$/.test(uri)
    if (origin === 'Debian' && !security && /^https?:/.test(uri)) return uri.replace(/\/+$/, '')
  }
  return undefined
}

const networkOption = /^Acquire::(https?::Proxy(::\S+)?|Check-Valid-Until|Check-Date|Retries) ".+";$/

/** Of `apt-config dump`, what decides whether the archive can be reached: proxies, retries, expiry dates. */
export function networkOptions(dump: string): string[] {
  return dump
    .split('\n')
    .filter((line) => networkOption.test(line))
    .map((line) => line.slice(0, -1))
}
