import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildOnce } from '../../core/build-once.ts'
import { digestOf, digestOfFolders } from '../../core/digest.ts'
import { TestbedError } from '../../core/errors.ts'
import { lastLines, runLocal } from '../../core/process.ts'
import { type Progress, step } from '../../core/progress.ts'

/** Kubernetes as one program, built on this machine out of Go modules; see provision/kubernetes/module. */
export interface KubernetesBinary {
  /** Of `kube` and `pause`, in the cache. */
  readonly folder: string
  /** `v1.34.4` */
  readonly version: string
  readonly digest: string
}

interface Context {
  readonly projectFolder: string
  readonly cacheFolder: string
  readonly progress: Progress
}

/** Two processors that do nothing else take 8 minutes. */
const buildMs = 60 * 60_000
/** How often it is told how far the build is, in packages. */
const tellEvery = 100

/**
 * Builds the program unless the cache has it.
 * @throws TestbedError `prerequisite` without Go; `testbed` with the compiler's last lines
 */
export async function ensureKubernetes(context: Context, signal: AbortSignal): Promise<KubernetesBinary> {
  const module = join(context.projectFolder, 'provision', 'kubernetes', 'module')
  const version = /k8s\.io\/kubernetes (v[\d.]+)/.exec(await readFile(join(module, 'go.mod'), 'utf8'))?.[1]
  if (version === undefined) throw new Error(`${module}/go.mod names no version of Kubernetes`)
  const digest = digestOf(`${await digestOfFolders([module])} ${process.arch}`)
  const folder = join(context.cacheFolder, 'kubernetes', `${version}-${digest}`)
  await buildOnce(folder, signal, async (temporary) => {
    await requireGo(signal)
    await step(context.progress, `build Kubernetes ${version}`, () =>
      build(module, version, temporary, context.progress, signal),
    )
  })
  return { folder, version, digest }
}

async function requireGo(signal: AbortSignal): Promise<void> {
  const { exitCode } = await runLocal(['go', 'version'], { signal })
  if (exitCode === 0) return
  throw new TestbedError('prerequisite', 'Kubernetes has to be built, and this machine has no Go', {
    hint: 'install Go 1.24 or newer (https://go.dev/dl); it is needed once, the result is kept in the cache',
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
