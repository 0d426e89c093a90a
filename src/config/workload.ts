import { readdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { parseDuration, parseSize } from '../core/units.ts'
import { checkAmount, type Loaded, loadDocument, type Report, type Rule } from './document.ts'
import type { WorkloadDocument } from './documents.ts'
import { unknownName } from './problems.ts'
import type { ProbeSpec, ResolvedWorkload } from './resolved.ts'
import type { Pointer } from './yaml-document.ts'

const fileName = 'workload.yaml'

/**
 * Loads `workload.yaml` of a folder.
 * Throws one configuration error with everything that is wrong in the file.
 */
export async function loadWorkload(folder: string): Promise<Loaded<ResolvedWorkload>> {
  const absolute = path.resolve(folder)
  const file = path.join(absolute, fileName)
  const { content, fault } = await loadDocument(file, 'workload', rulesFor(absolute))
  return { value: resolve(content, file, absolute), fault }
}

/** Names of the workloads of a folder, sorted: its sub-folders with a `workload.yaml`. Empty when there is no folder. */
export async function listWorkloads(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => [])
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  const found = await Promise.all(
    names.map(
      async (name) => (await stat(path.join(root, name, fileName)).catch(() => undefined))?.isFile() === true,
    ),
  )
  return names.filter((_, index) => found[index]).sort()
}

function rulesFor(folder: string): readonly Rule<WorkloadDocument>[] {
  return [
    {
      reads: ['name'],
      check: ({ name }, report) => {
        const expected = path.basename(folder)
        if (name !== expected) {
          report(['name'], `the name must be that of the folder, "${expected}"`, {
            hint: `write name: ${expected}`,
          })
        }
      },
    },
    { reads: ['image'], check: ({ image }, report) => checkImage(image, folder, report) },
    { reads: ['state'], check: ({ state }, report) => checkState(state, report) },
    {
      reads: ['state', 'probe'],
      check: ({ state, probe }, report) => {
        for (const kind of ['http', 'redis', 'postgres'] as const) {
          if (state?.[kind] !== undefined && probe[kind] === undefined) {
            report(['state', kind], `state.${kind} is for a workload with a ${kind} probe`)
          }
        }
      },
    },
    { reads: ['volumes'], check: ({ volumes }, report) => checkVolumes(volumes ?? [], report) },
    {
      reads: ['readyTimeout'],
      check: ({ readyTimeout }, report) =>
        checkAmount(report, ['readyTimeout'], readyTimeout, parseDuration, ['1ms', '1h']),
    },
  ]
}

async function checkImage(image: WorkloadDocument['image'], folder: string, report: Report): Promise<void> {
  if (typeof image === 'string') return
  if (image.packages.length + image.files.length === 0) {
    report(['image'], 'the image has neither packages nor files')
  }
  const targets = image.files.map(({ target }) => target)
  for (const [index, { source, target }] of image.files.entries()) {
    const pointer = ['image', 'files', index]
    await checkSource(source, folder, [...pointer, 'source'], report)
    if (targets.indexOf(target) < index) report([...pointer, 'target'], `two files have the target ${target}`)
  }
}

async function checkSource(source: string, folder: string, pointer: Pointer, report: Report): Promise<void> {
  const file = path.resolve(folder, source)
  // A link may lead out of the folder as well as `..` does.
  const real = await realpath(file).catch(() => undefined)
  const outside = !isInside(file, folder) || (real !== undefined && !isInside(real, await realpath(folder)))
  if (outside) return report(pointer, `${source} is outside the workload's folder`)
  if (real === undefined) {
    const entries = await readdir(path.dirname(file)).catch(() => [])
    const others = entries.map((entry) => path.join(path.dirname(source), entry)).sort()
    return report(pointer, `there is no file ${source}`, unknownName(source, others))
  }
  if (!(await stat(real)).isFile()) report(pointer, `${source} is not a file`)
}

function isInside(file: string, folder: string): boolean {
  return file.startsWith(`${folder}${path.sep}`)
}

function checkState(state: WorkloadDocument['state'], report: Report): void {
  const check = (kind: string, key: string, text: string, most: string) =>
    checkAmount(report, ['state', kind, key], text, parseSize, ['1B', most])
  if (state?.http !== undefined) check('http', 'size', state.http.size, '1024GiB')
  if (state?.redis !== undefined) {
    check('redis', 'size', state.redis.size, '1024GiB')
    check('redis', 'valueSize', state.redis.valueSize, '512MiB') // Redis holds no longer string
  }
  if (state?.postgres !== undefined) {
    check('postgres', 'size', state.postgres.size, '1024GiB')
    check('postgres', 'rowSize', state.postgres.rowSize, '64MiB') // a row is sent, logged and digested in one piece
  }
}

function checkVolumes(volumes: NonNullable<WorkloadDocument['volumes']>, report: Report): void {
  for (const [index, { name, path: target, size }] of volumes.entries()) {
    const earlier = volumes.slice(0, index)
    if (earlier.some((one) => one.name === name)) {
      report(['volumes', index, 'name'], `two volumes have the name ${name}`)
    }
    const around = earlier.find((one) => isInside(`${target}/`, one.path) || isInside(`${one.path}/`, target))
    if (around !== undefined)
      report(['volumes', index, 'path'], `${target} and ${around.path} are one inside the other`)
    checkAmount(report, ['volumes', index, 'size'], size, parseSize, ['16MiB', '1024GiB'])
  }
}

function resolve(document: WorkloadDocument, file: string, folder: string): ResolvedWorkload {
  const { name, description, image, command, environment, port, appendedFile, manifest, readyTimeout } =
    document
  const { state } = document
  return {
    name,
    ...(description === undefined ? {} : { description }),
    file,
    folder,
    image:
      typeof image === 'string'
        ? { kind: 'reference', reference: image }
        : {
            kind: 'packages',
            packages: image.packages,
            files: image.files.map((entry) => ({ ...entry, source: path.resolve(folder, entry.source) })),
          },
    command,
    environment,
    port,
    probe: resolveProbe(document.probe),
    ...(state === undefined ? {} : { state: resolveState(state) }),
    ...(appendedFile === undefined ? {} : { appendedFile }),
    ...(manifest === undefined ? {} : { manifest }),
    ...(document.volumes === undefined
      ? {}
      : {
          volumes: document.volumes.map((one) => {
            return { name: one.name, path: one.path, maximumSizeBytes: parseSize(one.size) }
          }),
        }),
    leavesRoot: document.leavesRoot,
    stopSignal: document.stopSignal,
    readyTimeoutMs: parseDuration(readyTimeout),
  }
}

function resolveState({
  http,
  redis,
  postgres,
}: NonNullable<WorkloadDocument['state']>): NonNullable<ResolvedWorkload['state']> {
  if (redis !== undefined) {
    return { kind: 'redis', sizeBytes: parseSize(redis.size), valueBytes: parseSize(redis.valueSize) }
  }
  if (http !== undefined) return { kind: 'http', sizeBytes: parseSize(http.size), path: http.path }
  // The schema demands one of the three.
  if (postgres === undefined) throw new TypeError('a state is http, redis or postgres')
  return { kind: 'postgres', sizeBytes: parseSize(postgres.size), rowBytes: parseSize(postgres.rowSize) }
}

function resolveProbe({ http, redis, postgres }: WorkloadDocument['probe']): ProbeSpec {
  if (redis !== undefined) return { protocol: 'redis', ...redis }
  if (postgres !== undefined) return { protocol: 'postgres', ...postgres }
  // The schema demands one of the three.
  if (http === undefined) throw new TypeError('a probe is http, redis or postgres')
  return { protocol: 'http', ...http }
}
