import { chmod, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ResolvedK3s } from '../../config/resolved.ts'
import { buildOnce } from '../../core/build-once.ts'
import { download } from '../../core/download.ts'
import { TestbedError } from '../../core/errors.ts'
import { step } from '../../core/progress.ts'
import { systemClock } from '../../core/time.ts'
import { humanSize } from '../../core/units.ts'
import type { KubernetesProgram, ProgramContext } from './program.ts'

/** The release that is taken unless a testbed's file names another; the digests are those of its sha256sum-*.txt. */
const pinned = {
  version: 'v1.34.3+k3s1',
  sha256: {
    x64: 'f95350e3997165974d1d1406f01aabaf869aed7ca790cc2d83a92a82f26a06c5',
    arm64: 'fa37b06df7ae82b46de6679a8682b6ece2adf531709bed6299086716c1038147',
  } as Partial<Record<NodeJS.Architecture, string>>,
}
const releases = 'https://github.com/k3s-io/k3s/releases/download'

/**
 * k3s as its vendor publishes it, from the cache, a file of this machine, or a download.
 * @throws TestbedError when it cannot be had, or is another than its digest says
 */
export async function ensureK3s(
  context: ProgramContext,
  wanted: ResolvedK3s,
  signal: AbortSignal,
): Promise<KubernetesProgram> {
  const { version = pinned.version, sha256 = pinned.sha256[process.arch] } = wanted
  if (sha256 === undefined) {
    throw new TestbedError('configuration', `no k3s is pinned for ${process.arch}`, {
      hint: 'name one in the testbed file: k3s: { version: …, sha256: … }',
    })
  }
  const digest = sha256.slice(0, 16)
  const folder = join(context.cacheFolder, 'kubernetes', `k3s-${version}-${digest}`)
  await buildOnce(folder, signal, (temporary) =>
    step(context.progress, `fetch k3s ${version}`, () =>
      fetchK3s(context, { ...wanted, version, sha256 }, join(temporary, 'kube'), signal),
    ),
  )
  return { source: 'k3s', folder, programs: ['kube'], version: version.slice(1), digest }
}

async function fetchK3s(
  { cacheFolder, progress }: ProgramContext,
  { version, sha256, file }: ResolvedK3s & { readonly version: string; readonly sha256: string },
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const program = process.arch === 'x64' ? 'k3s' : `k3s-${process.arch}`
  const url = `${releases}/${encodeURIComponent(version)}/${program}`
  const part = join(cacheFolder, 'downloads', `k3s-${sha256.slice(0, 16)}.part`)
  let told = 0
  await download({
    what: `program k3s ${version}`,
    otherwise:
      'k3s: { file: … } in the testbed file takes it from this machine; sources: { kubernetes: modules } builds Kubernetes with Go',
    pinnedIn: 'k3s.sha256 of the testbed file',
    url: file === undefined ? url : pathToFileURL(file).href,
    sha256,
    part,
    clock: systemClock,
    signal,
    onProgress: (bytes, total) => {
      const quarter = Math.floor((4 * bytes) / (total ?? Number.POSITIVE_INFINITY))
      if (quarter <= told) return
      told = quarter
      progress({ kind: 'note', text: `${humanSize(bytes)} of k3s` })
    },
  })
  await chmod(part, 0o755)
  await rename(part, target)
}
