import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { cachedImage, readEntry } from '../../../src/workloads/cache.ts'
import { inFolder } from './support.ts'

const options = { progress: () => {}, signal: new AbortController().signal }
const entry = 'sample-0123456789abcdef'

/** A build that leaves an archive of `size` bytes, and counts how often it ran. */
function builder(size = 100) {
  let builds = 0
  const build = async (_folder: string, archive: string) => {
    builds++
    await writeFile(archive, Buffer.alloc(size))
    return { id: 'sha256:1', name: 'migration-testbed/sample:1' }
  }
  return { build, builds: () => builds }
}

test('an image is built once, and then found', () =>
  inFolder(async (images) => {
    const { build, builds } = builder()
    const first = await cachedImage(images, entry, build, options)
    expect(first).toEqual({
      id: 'sha256:1',
      name: 'migration-testbed/sample:1',
      archive: path.join(images, entry, 'image.tar'),
      bytes: 100,
    })
    expect(await cachedImage(images, entry, build, options)).toEqual(first)
    expect(builds()).toBe(1)
    expect(await readdir(images)).toEqual([entry])
  }))

test('of several that want the same image at once, one builds it', () =>
  inFolder(async (images) => {
    const { build, builds } = builder()
    const wanted = Array.from({ length: 4 }, () => cachedImage(images, entry, build, options))
    expect(new Set((await Promise.all(wanted)).map(({ archive }) => archive)).size).toBe(1)
    expect(builds()).toBe(1)
  }))

test('a build that fails leaves nothing, and the next one can succeed', () =>
  inFolder(async (images) => {
    const failing = async (folder: string, archive: string) => {
      await writeFile(path.join(folder, 'half'), 'x')
      await writeFile(archive, 'half')
      throw new Error('no network')
    }
    await expect(cachedImage(images, entry, failing, options)).rejects.toThrow('no network')
    expect(await readdir(images)).toEqual([])
    expect(await readEntry(images, entry)).toBeUndefined()
    expect((await cachedImage(images, entry, builder().build, options)).bytes).toBe(100)
  }))

test('what a killed build left is never taken for an image, and is removed by the next one', () =>
  inFolder(async (images) => {
    const left = path.join(images, `.building-1-${entry}`, 'result')
    await mkdir(left, { recursive: true })
    await writeFile(path.join(left, 'image.tar'), 'half')
    // No process has a number this high: the kernel's limit is 2^22.
    await mkdir(path.join(images, '.building-99999999-other'))
    expect(await readEntry(images, entry)).toBeUndefined()
    await cachedImage(images, entry, builder().build, options)
    expect(await readdir(images)).toEqual([entry])
  }))

test('the build of another image by a living process is left alone', () =>
  inFolder(async (images) => {
    await mkdir(path.join(images, `.building-${process.pid}-other`))
    await cachedImage(images, entry, builder().build, options)
    expect((await readdir(images)).sort()).toEqual([`.building-${process.pid}-other`, entry])
  }))

test('an archive that lost its end is built anew', () =>
  inFolder(async (images) => {
    const { build, builds } = builder()
    const { archive } = await cachedImage(images, entry, build, options)
    await truncate(archive, 10)
    expect(await readEntry(images, entry)).toBeUndefined()
    expect((await cachedImage(images, entry, build, options)).bytes).toBe(100)
    expect(builds()).toBe(2)
  }))

test('an aborted build is not kept', () =>
  inFolder(async (images) => {
    const controller = new AbortController()
    const build = async (_folder: string, archive: string) => {
      await writeFile(archive, 'all of it')
      controller.abort(new Error('interrupted'))
      return { id: 'sha256:1', name: 'n' }
    }
    const aborted = cachedImage(images, entry, build, { ...options, signal: controller.signal })
    await expect(aborted).rejects.toThrow('interrupted')
    expect(await readdir(images)).toEqual([])
  }))
