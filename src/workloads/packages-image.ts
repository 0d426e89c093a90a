import { chmod, copyFile, mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import type { ResolvedWorkload } from '../config/resolved.ts'
import { digestOf } from '../core/digest.ts'
import { TestbedError } from '../core/errors.ts'
import type { PackageSource } from '../core/packages.ts'
import { type Argv, dieTogether, lastLines, mustRunLocal, runLocal } from '../core/process.ts'
import { writeArchive } from './archive.ts'
import type { ImageRecord } from './cache.ts'
import { digestOfFile } from './digest.ts'

type PackagesImage = Extract<ResolvedWorkload['image'], { kind: 'packages' }>

/** Part of every digest: raise it when the same workload.yaml makes another root file system than before. */
const recipeVersion = 1
const suite = 'trixie'
const buildTimeoutMs = 15 * 60_000
/** Nothing that a container needs, and half of its size. */
const leftOut = ['doc', 'man', 'locale', 'info'].map((folder) => `path-exclude=/usr/share/${folder}/*`)
const architectures: Partial<Record<NodeJS.Architecture, string>> = { x64: 'amd64', arm64: 'arm64' }

/**
 * Digest of all that decides what the image holds; 16 hex digits.
 * @throws TestbedError (configuration) when a file of the workload cannot be read.
 */
export async function recipeDigest(workload: ResolvedWorkload, image: PackagesImage): Promise<string> {
  const files = await Promise.all(
    image.files.map(async ({ source, target, mode }) => {
      const information = await stat(source).catch(() => undefined)
      if (information?.isFile() === true) return { target, mode, content: await digestOfFile(source) }
      throw new TestbedError('configuration', `${source} is not a file`, {
        where: workload.file,
        hint: 'image.files: source is a file beside workload.yaml',
      })
    }),
  )
  const packages = image.packages.toSorted()
  const environment = Object.entries(workload.environment).toSorted()
  const { command, stopSignal } = workload
  const { arch } = process
  const recipe = { recipeVersion, suite, arch, packages, files, command, environment, stopSignal }
  return digestOf(JSON.stringify(recipe), 16)
}

/** Builds the image's archive in an empty folder. */
export async function buildFromPackages(
  workload: ResolvedWorkload,
  image: PackagesImage,
  name: string,
  source: PackageSource,
  place: { readonly folder: string; readonly archive: string; readonly signal: AbortSignal },
): Promise<Omit<ImageRecord, 'bytes'>> {
  const { folder, archive, signal } = place
  const architecture = architectures[process.arch]
  if (architecture === undefined || process.getuid?.() !== 0) {
    throw new TestbedError('prerequisite', `the image of ${workload.name} cannot be built here`, {
      hint:
        architecture === undefined
          ? `images are built on amd64 and arm64, not on ${process.arch}`
          : 'building a root file system out of packages needs root',
    })
  }
  const layer = path.join(folder, 'layer.tar')
  await installPackages(workload, image.packages, source, layer, place)
  await appendFiles(image.files, layer, path.join(folder, 'files'), signal)
  const { command, environment, stopSignal } = workload
  const content = { layer, name, architecture, command, environment, stopSignal }
  return { name, ...(await writeArchive(content, path.join(folder, 'layout'), archive, signal)) }
}

/** The root file system of those packages as a tar. Needs root. */
async function installPackages(
  workload: ResolvedWorkload,
  packages: readonly string[],
  source: PackageSource,
  layer: string,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<void> {
  const temporary = path.join(folder, 'tmp')
  await mkdir(temporary)
  const argv: Argv = [...dieTogether, 'mmdebstrap', ...mmdebstrapArguments(packages, source, layer)]
  const result = await runLocal(argv, {
    // mmdebstrap clamps times to this, and leaves its half-made root behind when it is killed: in our folder.
    env: { SOURCE_DATE_EPOCH: '0', TMPDIR: temporary },
    timeoutMs: buildTimeoutMs,
    signal,
  })
  if (result.exitCode === 0) return
  const missing = result.exitCode === 127
  const unknown = /Unable to locate package (\S+)/.exec(result.stderr)?.[1]
  // Between apt's own words mmdebstrap tells what it does.
  const errors = result.stderr.replaceAll(/^(?!E: ).*\n?/gm, '')
  const kind = missing ? 'prerequisite' : unknown === undefined ? 'testbed' : 'configuration'
  throw new TestbedError(kind, `the image of ${workload.name} could not be built (exit ${result.exitCode})`, {
    where: workload.file,
    why: lastLines(errors === '' ? result.stderr : errors),
    hint: missing
      ? 'apt-get install mmdebstrap util-linux'
      : unknown === undefined
        ? `can this machine reach ${source.uri}? MIGRATION_TESTBED_MIRROR names another mirror`
        : `Debian ${suite} has no package ${unknown}: see image.packages`,
  })
}

export function mmdebstrapArguments(
  packages: readonly string[],
  source: PackageSource,
  layer: string,
): string[] {
  return [
    '--mode=root',
    '--variant=essential',
    '--skip=output/dev',
    // What only tells of the machine that it was built on; every engine gives a container its own of the first two.
    '--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/apt/sources.list"',
    ...leftOut.map((option) => `--dpkgopt=${option}`),
    ...source.aptOptions.map((option) => `--aptopt=${option}`),
    ...(source.keyring === undefined ? [] : [`--keyring=${source.keyring}`]),
    ...(packages.length === 0 ? [] : [`--include=${packages.join(',')}`]),
    suite,
    layer,
    `deb ${source.uri} ${suite} main`,
  ]
}

/** Adds a workload's own files to a tar of its root file system, as root's and with the modes asked for. */
export async function appendFiles(
  files: PackagesImage['files'],
  layer: string,
  staging: string,
  signal?: AbortSignal,
): Promise<void> {
  if (files.length === 0) return
  for (const { source, target, mode } of files) {
    const copy = path.join(staging, target)
    await mkdir(path.dirname(copy), { recursive: true })
    await copyFile(source, copy)
    await chmod(copy, Number.parseInt(mode, 8))
  }
  const members = files.map(({ target }) => `.${target}`)
  await mustRunLocal(
    // Only the files: a directory would carry the staging folder's mode over that of the packages'.
    [
      'tar',
      '--append',
      `--file=${layer}`,
      `--directory=${staging}`,
      '--no-recursion',
      ...appended,
      ...members,
    ],
    {
      what: `add ${members.length} files to the root file system`,
      ...(signal === undefined ? {} : { signal }),
    },
  )
}

const appended = [
  '--format=pax',
  '--pax-option=delete=atime,delete=ctime',
  '--mtime=@0',
  '--owner=0',
  '--group=0',
  '--numeric-owner',
]
