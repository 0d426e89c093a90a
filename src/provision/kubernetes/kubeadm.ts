import { constants } from 'node:fs'
import { chmod, copyFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedKubeadm } from '../../config/resolved.ts'
import { buildOnce } from '../../core/build-once.ts'
import { digestOf } from '../../core/digest.ts'
import { TestbedError } from '../../core/errors.ts'
import { exists } from '../../core/exists.ts'
import { lastLines, runLocal } from '../../core/process.ts'
import { step } from '../../core/progress.ts'
import { reasonAndHint } from '../../hosts/checked.ts'
import type { KubernetesProgram, ProgramContext } from './program.ts'

/** The release that is taken unless a testbed's file names another. */
const pinned = 'v1.34.4'
const programs = ['kubeadm', 'kubelet', 'kubectl']
/** Images of the release, for hosts that cannot download them; only beside programs that are given. */
const archive = 'images.tar'
const fetchMs = 20 * 60_000
/** They are found by the name under which all parts of a cluster are asked for. */
const dispatch = '#!/bin/sh\npart=$1\nshift\nexec "$(dirname "$0")/$part" "$@"\n'

/**
 * kubeadm with the kubelet and kubectl of its release, from the cache, a folder of this machine, or the packages of the Kubernetes project.
 * @throws TestbedError when they cannot be had, naming what is missing
 */
export async function ensureKubeadm(
  context: ProgramContext,
  wanted: ResolvedKubeadm,
  signal: AbortSignal,
): Promise<KubernetesProgram> {
  const { folder: given, version = pinned } = wanted
  const digest = given === undefined ? digestOf(`${version} ${process.arch}`) : await digestOfGiven(given)
  const folder = join(context.cacheFolder, 'kubernetes', `kubeadm-${digest}`)
  await buildOnce(folder, signal, async (temporary) => {
    if (given !== undefined) await takeGiven(given, temporary)
    else {
      await step(context.progress, `fetch kubeadm ${version}`, () =>
        fetchPackages(context, version, temporary, signal),
      )
    }
    await writeFile(join(temporary, 'kube'), dispatch, { mode: 0o755 })
  })
  const names = ['kube', ...programs, ...((await exists(join(folder, archive))) ? [archive] : [])]
  return { source: 'kubeadm', folder, programs: names, version: await versionOf(folder, signal), digest }
}

/** The files are too large to be read each time: their sizes and times tell whether they are the same. */
async function digestOfGiven(given: string): Promise<string> {
  const there = await readdir(given).catch((): string[] => [])
  const missing = programs.filter((name) => !there.includes(name))
  if (missing.length > 0) {
    throw new TestbedError('configuration', `the folder of kubeadm lacks ${missing.join(', ')}`, {
      where: given,
      hint: `kubeadm.folder of the testbed file has to hold ${programs.join(', ')}, and may hold ${archive}`,
    })
  }
  const files = [...programs, archive].filter((name) => there.includes(name))
  const marks = files.map(async (name) => {
    const { size, mtimeMs } = await stat(join(given, name))
    return `${name} ${size} ${mtimeMs}`
  })
  return digestOf([given, ...(await Promise.all(marks))].join('\n'))
}

async function takeGiven(given: string, target: string): Promise<void> {
  for (const name of [...programs, archive]) {
    if (name === archive && !(await exists(join(given, name)))) continue
    await copyFile(join(given, name), join(target, name), constants.COPYFILE_FICLONE)
    await chmod(join(target, name), name === archive ? 0o644 : 0o755)
  }
}

async function fetchPackages(
  { projectFolder }: ProgramContext,
  version: string,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const script = join(projectFolder, 'provision', 'kubernetes', 'fetch-kubeadm.sh')
  const { exitCode, stderr } = await runLocal(['sh', script, version, target], { signal, timeoutMs: fetchMs })
  if (exitCode === 0) return
  throw new TestbedError(
    'testbed',
    `fetching kubeadm ${version} failed (exit ${exitCode})`,
    reasonAndHint(stderr),
  )
}

/** `1.34.4` */
async function versionOf(folder: string, signal: AbortSignal): Promise<string> {
  const kubeadm = join(folder, 'kubeadm')
  const { exitCode, stdout, stderr } = await runLocal([kubeadm, 'version', '-o', 'short'], { signal })
  const version = /^v(\d+\.\d+\.\d+\S*)\n$/.exec(stdout)?.[1]
  if (exitCode === 0 && version !== undefined) return version
  throw new TestbedError('testbed', 'kubeadm does not tell its version', {
    where: kubeadm,
    why: lastLines(stderr),
    hint: 'is it a kubeadm for this machine? Another may be given as kubeadm.folder of the testbed file',
  })
}
