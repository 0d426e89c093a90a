import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { TestbedError } from '../core/errors.ts'
import { takeLock } from '../core/lock.ts'
import type { Dataset } from './dataset.ts'

/** The datasets that are wanted: a file each, written before anything is done about it. */
export interface VolumeStore {
  /** By name. */
  list(): Promise<Dataset[]>
  find(name: string): Promise<Dataset | undefined>
  /** @throws TestbedError (configuration) naming those there are */
  get(name: string): Promise<Dataset>
  /** @throws TestbedError (configuration) when the name is taken */
  add(dataset: Dataset): Promise<void>
  /** Reads, changes and writes it while nobody else does; what `change` throws leaves it as it is. @throws TestbedError */
  update(name: string, change: (dataset: Dataset) => Dataset): Promise<Dataset>
  remove(name: string): Promise<void>
}

const lockWaitMs = 10_000

/** @param folder `.testbed/<name>/volumes`: goes with the testbed, as the copies do */
export function openStore(folder: string): VolumeStore {
  const fileOf = (name: string) => join(folder, `${name}.json`)
  /** Short: whoever holds it only reads and writes a file. A move that takes hours does not keep leases from being renewed. */
  const exclusively = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    await mkdir(folder, { recursive: true })
    const release = await takeLock(join(folder, 'lock'), {
      what: 'the list of datasets',
      hint: 'try again',
      waitMs: lockWaitMs,
    })
    return await work().finally(release)
  }
  const write = (dataset: Dataset) =>
    writeFileAtomic(fileOf(dataset.name), `${JSON.stringify(dataset, undefined, 2)}\n`)
  const find = async (name: string): Promise<Dataset | undefined> => {
    try {
      return JSON.parse(await readFile(fileOf(name), 'utf8')) as Dataset
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw new TestbedError('testbed', `${fileOf(name)} cannot be read`, { cause: error })
    }
  }
  const names = async () =>
    (await readdir(folder).catch(() => []))
      .flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -'.json'.length)] : []))
      .sort()
  const get = async (name: string): Promise<Dataset> => {
    const dataset = await find(name)
    if (dataset !== undefined) return dataset
    const known = await names()
    throw new TestbedError('configuration', `there is no dataset ${name}`, {
      hint: known.length === 0 ? 'make one: testbed volume create' : `datasets are ${known.join(', ')}`,
    })
  }
  return {
    list: async () => (await Promise.all((await names()).map(find))).filter((one) => one !== undefined),
    find,
    get,
    add: (dataset) =>
      exclusively(async () => {
        if ((await find(dataset.name)) !== undefined) {
          throw new TestbedError('configuration', `there is a dataset ${dataset.name} already`, {
            hint: 'take another name, or destroy it: testbed volume destroy',
          })
        }
        await write(dataset)
      }),
    update: (name, change) =>
      exclusively(async () => {
        const changed = change(await get(name))
        await write(changed)
        return changed
      }),
    remove: (name) => exclusively(() => rm(fileOf(name), { force: true })),
  }
}
