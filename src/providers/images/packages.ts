import { chmod, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedTestbed } from '../../config/resolved.ts'
import { buildOnce } from '../../core/build-once.ts'
import { digestOf, digestOfFolders } from '../../core/digest.ts'
import { exists } from '../../core/exists.ts'
import { machinePackageSource, type PackageSource } from '../../core/packages.ts'
import { type Argv, dieTogether, runLocal } from '../../core/process.ts'
import { step } from '../../core/progress.ts'
import type { ProviderContext } from '../provider.ts'
import type { GuestImage, GuestImageRecipe } from './guest-image.ts'
import { runLogged } from './logged.ts'
import type { PackagesRecipe } from './recipe.ts'
import { requireImageBuilder } from './requirements.ts'

const buildTimeoutMs = 30 * 60_000
/** The kernel tells of trouble on the serial console, and a panic ends QEMU where it runs with -no-reboot. */
const kernelArguments =
  'root=LABEL=testbed-root rw console=ttyS0 loglevel=4 panic=-1 systemd.show_status=error systemd.getty_auto=no'

/** A guest image made on this machine out of packages, with the testbed's components installed in it. */
export async function packagesGuestImage(
  context: ProviderContext,
  testbed: ResolvedTestbed,
  recipe: PackagesRecipe,
): Promise<GuestImageRecipe> {
  const components = await componentFolders(context.projectFolder, testbed.components)
  const scripts = await digestOfFolders([join(context.projectFolder, 'provision')], (path) =>
    isInstalled(path, components),
  )
  const recipeDigest = await digestOfFolders([join(recipe.folder, 'vm')])
  const digest = digestOf(JSON.stringify([recipeDigest, scripts, components, testbed.sources, process.arch]))
  const folder = join(context.cacheFolder, 'guests', `${recipe.name}-${digest}`)
  const image: GuestImage = {
    name: recipe.name,
    digest,
    disk: join(folder, 'disk.qcow2'),
    boot: {
      kernel: join(folder, 'vmlinuz'),
      initrd: join(folder, 'initrd'),
      arguments: kernelArguments,
    },
    components: 'installed',
    seed: 'tar',
  }
  const build = (signal: AbortSignal) =>
    buildOnce(folder, signal, (temporary) =>
      buildDisk(context, recipe, image, temporary, signal, {
        TESTBED_PROVISION: join(context.projectFolder, 'provision'),
        TESTBED_COMPONENTS: components.join(' '),
        TESTBED_DOCKER_SOURCE: testbed.sources.docker,
        TESTBED_CRIU_SOURCE: testbed.sources.criu,
      }),
    )
  return {
    image,
    present: await exists(folder),
    prepare: (signal) =>
      step(context.progress, `build image ${recipe.name} (one to three minutes)`, () => build(signal)),
  }
}

/** What of `provision/` ends up in the image: what configures and verifies runs on the booted host. */
function isInstalled(path: string, components: readonly string[]): boolean {
  const [folder = '', file = ''] = path.split('/')
  return path === 'lib.sh' || (components.includes(folder) && file !== 'configure.sh' && file !== 'verify.sh')
}

/** Folders of `provision/`, in order: `10-base`, `20-docker`. */
async function componentFolders(projectFolder: string, wanted: readonly string[]): Promise<string[]> {
  const folders = await readdir(join(projectFolder, 'provision'))
  return folders
    .filter((folder) => /^\d\d-/.test(folder) && ['base', ...wanted].includes(folder.slice(3)))
    .sort()
}

async function buildDisk(
  context: ProviderContext,
  recipe: PackagesRecipe,
  image: GuestImage,
  temporary: string,
  signal: AbortSignal,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await requireImageBuilder()
  const source = await machinePackageSource()
  const asRoot = process.getuid?.() === 0
  // Without root the file system is made by another user id, which may not enter the cache in somebody's home.
  const work = asRoot ? join(temporary, 'work') : unprivilegedWork(image)
  const logged = {
    log: join(context.cacheFolder, 'logs', `image-${recipe.name}.log`),
    signal,
    hints: hintsFor(source, work),
  }
  await removeWork(work)
  try {
    await mkdir(work)
    await chmod(work, 0o1777)
    await runLogged(buildCommand(recipe, work, asRoot, source), {
      ...logged,
      what: `image ${recipe.name}`,
      env: settings,
      timeoutMs: buildTimeoutMs,
      onLine: (text) => context.progress({ kind: 'note', text }),
    })
    await runLogged(
      [
        'qemu-img',
        'convert',
        '-f',
        'raw',
        '-O',
        'qcow2',
        join(work, 'disk.raw'),
        join(temporary, 'disk.qcow2'),
      ],
      { ...logged, what: `disk of image ${recipe.name}`, timeoutMs: 5 * 60_000 },
    )
    for (const file of ['vmlinuz', 'initrd']) {
      await runLogged(['cp', join(work, file), join(temporary, file)], {
        ...logged,
        what: `${file} of image ${recipe.name}`,
        timeoutMs: 60_000,
      })
    }
  } finally {
    await removeWork(work)
  }
}

function buildCommand(recipe: PackagesRecipe, work: string, asRoot: boolean, source: PackageSource): Argv {
  const end = asRoot ? dieTogether : (['setpriv', '--pdeathsig', 'TERM', '--'] as const)
  const options = source.aptOptions.map((option) => `--aptopt=${option}`)
  const keyring = source.keyring === undefined ? [] : [`--keyring=${source.keyring}`]
  const script = join(recipe.folder, 'vm/build.sh')
  return [...end, 'sh', script, work, asRoot ? 'root' : 'unshare', source.uri, ...options, ...keyring]
}

/** By name, so that what a crash leaves is found by the next build. */
function unprivilegedWork(image: GuestImage): string {
  const base = process.env.TMPDIR === undefined || process.env.TMPDIR === '' ? '/var/tmp' : process.env.TMPDIR
  return join(base, `migration-testbed-${process.getuid?.()}-${image.name}-${image.digest}`)
}

/** Of what mmdebstrap leaves when it is killed, only the user ids that it worked under may remove everything. */
async function removeWork(work: string): Promise<void> {
  const removed = await rm(work, { recursive: true, force: true }).then(
    () => true,
    () => false,
  )
  if (removed) return
  await runLocal(['mmdebstrap', '--unshare-helper', 'find', work, '-mindepth', '1', '-delete'], {
    timeoutMs: 120_000,
  })
  await rm(work, { recursive: true, force: true })
}

function hintsFor(source: PackageSource, work: string) {
  return [
    {
      pattern: /No space left on device|Disk quota exceeded|enough free space/i,
      hint: `an image needs about 3 GiB while it is built in ${work}: make room, or set XDG_CACHE_HOME to a larger disk`,
    },
    {
      pattern: /newuidmap|newgidmap|subuid|subgid|unshare|user namespace|E: unable to.*(uid|gid)/i,
      hint: 'without root this needs the package uidmap, a line for you in /etc/subuid and /etc/subgid, and user namespaces; or run as root',
      kind: 'prerequisite',
    },
    {
      pattern: /./,
      hint: `can this machine reach ${source.uri} (does apt-get update work)? MIGRATION_TESTBED_MIRROR names another mirror`,
    },
  ] as const
}
