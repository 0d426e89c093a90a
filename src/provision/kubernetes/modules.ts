import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildOnce } from '../../core/build-once.ts'
import { digestOf, digestOfFolders } from '../../core/digest.ts'
import { TestbedError } from '../../core/errors.ts'
import { exists } from '../../core/exists.ts'
import { lastLines, runLocal } from '../../core/process.ts'
import { type Progress, step } from '../../core/progress.ts'
import type { KubernetesProgram, ProgramContext } from './program.ts'

/** Two processors that do nothing else take 8 minutes. */
const buildMs = 60 * 60_000
/** How often it is told how far the build is, in packages. */
const tellEvery = 100

/**
 * Kubernetes as one program, built on this machine out of Go modules unless the cache has it; see provision/kubernetes/module.
 * @throws TestbedError `prerequisite` without Go; `testbed` with the compiler's last lines
 */
export async function ensureModules(
  context: ProgramContext,
  signal: AbortSignal,
): Promise<KubernetesProgram> {
  const { module, version, digest, folder } = await pinnedModules(context)
  await buildOnce(folder, signal, async (temporary) => {
    await requireGo(signal)
    await step(context.progress, `build Kubernetes ${version}`, () =>
      build(module, version, temporary, context.progress, signal),
    )
  })
  return { source: 'modules', folder, programs: ['kube', 'pause'], version: version.slice(1), digest }
}

/** Whether it has been built, or can be. */
export async function haveModules(context: ProgramContext, signal: AbortSignal): Promise<boolean> {
  const { folder } = await pinnedModules(context)
  return (await exists(folder)) || (await hasGo(signal))
}

async function pinnedModules({ projectFolder, cacheFolder }: ProgramContext) {
  const module = join(projectFolder, 'provision', 'kubernetes', 'module')
  const version = /k8s\.io\/kubernetes (v[\d.]+)/.exec(await readFile(join(module, 'go.mod'), 'utf8'))?.[1]
  if (version === undefined) throw new Error(`${module}/go.mod names no version of Kubernetes`)
  const digest = digestOf(`${await digestOfFolders([module])} ${process.arch}`)
  return { module, version, digest, folder: join(cacheFolder, 'kubernetes', `${version}-${digest}`) }
}

async function hasGo(signal: AbortSignal): Promise<boolean> {
  return (await runLocal(['go', 'version'], { signal })).exitCode === 0
}

async function requireGo(signal: AbortSignal): Promise<void> {
  if (await hasGo(signal)) return
  throw new TestbedError('prerequisite', 'Kubernetes has to be built, and this machine has no Go', {
    hint: 'install Go 1.24 or newer (https://go.dev/dl); it is needed once, the result is kept in the cache. Or take k3s: sources: { kubernetes: k3s }',
  })
}

async function build(
  module: string,
  version: string,
  target: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const go = (args: readonly string[], what: string, onLine?: (line: string) => void) =>
    runGo(args, what, { cwd: module, signal, ...(onLine === undefined ? {} : { onLine }) })
  const packages = await go(['list', '-deps', '.'], 'finding the modules of Kubernetes')
  const total = packages.trim().split('\n').length
  let compiled = 0
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version) ?? []
  const stamped = [
    ['k8s.io/component-base/version.gitVersion', version],
    ['k8s.io/component-base/version.gitMajor', major],
    ['k8s.io/component-base/version.gitMinor', minor],
    ['k8s.io/client-go/pkg/version.gitVersion', version],
  ].map(([name, value]) => `-X ${name}=${value}`)
  const common = ['-trimpath', '-ldflags', ['-s', '-w', ...stamped].join(' ')]
  // A line a package that had not been compiled before.
  const count = () => {
    compiled += 1
    if (compiled % tellEvery === 0)
      progress({ kind: 'note', text: `${compiled} of at most ${total} packages compiled` })
  }
  await go(['build', '-v', ...common, '-o', join(target, 'kube'), '.'], 'building Kubernetes', count)
  await go(['build', ...common, '-o', join(target, 'pause'), './pause'], 'building the process of a pod')
}

/** @throws TestbedError with the compiler's last lines, or naming the module that is another than go.sum says */
async function runGo(
  args: readonly string[],
  what: string,
  options: { cwd: string; signal: AbortSignal; onLine?: (line: string) => void },
): Promise<string> {
  const env = { CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' }
  const result = await runLocal(['go', ...args], { ...options, env, timeoutMs: buildMs })
  if (result.exitCode === 0) return result.stdout
  const mismatch = /verifying (\S+): checksum mismatch\n.*\n.*/.exec(result.stderr)
  if (mismatch !== null) {
    throw new TestbedError('testbed', `${what} failed: ${mismatch[1]} has a wrong checksum`, {
      why: mismatch[0].split('\n').map((line) => line.trim()),
      hint: 'something else was downloaded (go env GOPROXY; go clean -modcache forgets it), or provision/kubernetes/module/go.sum was changed: git diff',
    })
  }
  throw new TestbedError('testbed', `${what} failed (exit ${result.exitCode})`, {
    why: lastLines(result.stderr),
    hint: 'can the Go module proxy be reached? go env GOPROXY',
  })
}
