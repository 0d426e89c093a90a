import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Dataset, requireDatasetName, stateOf } from '../../../src/volumes/dataset.ts'
import { openStore, type VolumeStore } from '../../../src/volumes/store.ts'

const shop: Dataset = {
  version: 1,
  id: '0a1b2c',
  name: 'shop',
  maximumSizeBytes: 1e6,
  backEnd: 'rsync',
  primary: 'host-a',
  epoch: 1,
  attached: true,
  metadata: {},
  createdAt: '2026-11-22T00:00:00.000Z',
}
let folder: string
let store: VolumeStore
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'store-'))
  store = openStore(path.join(folder, 'volumes'))
})
afterEach(() => rm(folder, { recursive: true }))

test('what is added is there for the next program, by name', async () => {
  expect(await store.list()).toEqual([])
  await store.add({ ...shop, name: 'wiki' })
  await store.add(shop)
  const again = openStore(path.join(folder, 'volumes'))
  expect((await again.list()).map(({ name }) => name)).toEqual(['shop', 'wiki'])
  await again.remove('wiki')
  expect(await store.find('wiki')).toBeUndefined()
  await expect(store.get('shpo')).rejects.toThrow('there is no dataset shpo')
  await expect(store.add(shop)).rejects.toThrow('there is a dataset shop already')
})

test('a change that is refused changes nothing, and changes at once are made one after the other', async () => {
  await store.add(shop)
  const before = await readFile(path.join(folder, 'volumes', 'shop.json'), 'utf8')
  const refuse = () => {
    throw new Error('no')
  }
  await expect(store.update('shop', refuse)).rejects.toThrow('no')
  expect(await readFile(path.join(folder, 'volumes', 'shop.json'), 'utf8')).toBe(before)
  const grow = (dataset: Dataset) => ({ ...dataset, epoch: dataset.epoch + 1 })
  await Promise.all(Array.from({ length: 5 }, () => store.update('shop', grow)))
  expect((await store.get('shop')).epoch).toBe(6)
})

test('a file that cannot be read is an error that names it', async () => {
  await store.add(shop)
  await writeFile(path.join(folder, 'volumes', 'shop.json'), '{')
  await expect(store.list()).rejects.toThrow('shop.json cannot be read')
})

test('states say why', () => {
  const move = { from: 'host-a', to: 'host-b', startedAt: 'noon', committed: false }
  expect(stateOf(shop)).toEqual({ state: 'attached', reason: 'to host-a' })
  expect(stateOf({ ...shop, attached: false }).state).toBe('detached')
  expect(stateOf({ ...shop, failure: 'it did not fit' })).toEqual({
    state: 'failed',
    reason: 'it did not fit',
  })
  expect(stateOf({ ...shop, failure: 'earlier', move }).reason).toBe(
    'from host-a to host-b since noon: not handed over yet',
  )
  expect(stateOf({ ...shop, move: { ...move, committed: true } }).reason).toContain('handed over')
})

test.each(['shop', 'a', 'shop-2', 'a'.repeat(39)])('%s is a name', (name) => {
  expect(() => requireDatasetName(name)).not.toThrow()
})
test.each(['', 'Shop', '2shop', '-a', 'a/b', '../x', 'a b', 'a'.repeat(40)])('"%s" is none', (name) => {
  expect(() => requireDatasetName(name)).toThrow('is no name of a dataset')
})
