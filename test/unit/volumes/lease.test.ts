import { expect, test } from 'vitest'
import type { Dataset } from '../../../src/volumes/dataset.ts'
import { acquireLease, renewLease, requireMovable, requireOwnLease } from '../../../src/volumes/lease.ts'

const dataset: Dataset = {
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
const noon = Date.parse('2026-11-22T12:00:00.000Z')
const wanted = { host: 'host-a', holder: 'anna', forMs: 60_000 }
const lease = acquireLease(dataset, wanted, noon)
const leased = { ...dataset, lease }

test('it holds for as long as was asked, and not a millisecond longer', () => {
  expect(lease).toMatchObject({ host: 'host-a', holder: 'anna', expires: '2026-11-22T12:01:00.000Z' })
  expect(() => requireMovable(leased, 'host-b', undefined, noon + 59_999)).toThrow(
    'shop is leased: anna keeps it on host-a until 2026-11-22T12:01',
  )
  expect(() => requireMovable(leased, 'host-b', undefined, noon + 60_000)).not.toThrow()
})

test('its holder may move what it leased, and nobody else may lease it', () => {
  expect(() => requireMovable(leased, 'host-b', lease.token, noon)).not.toThrow()
  expect(() => requireMovable(leased, 'host-b', 'another', noon)).toThrow('leased')
  expect(() => acquireLease(leased, { ...wanted, holder: 'ben' }, noon + 1)).toThrow('anna keeps it')
})

test('it is for where the dataset is, and for one that stands still', () => {
  expect(() => acquireLease(dataset, { ...wanted, host: 'host-b' }, noon)).toThrow(
    'shop is on host-a, not on host-b',
  )
  const move = { from: 'host-a', to: 'host-b', startedAt: '2026-11-22T11:59:00.000Z', committed: false }
  expect(() => acquireLease({ ...dataset, move }, wanted, noon)).toThrow('being moved to host-b')
})

test('renewed in time it holds longer under the same token; once it ran out it is gone', () => {
  expect(renewLease(leased, lease.token, 120_000, noon + 59_999)).toEqual({
    ...lease,
    expires: '2026-11-22T12:02:59.999Z',
  })
  expect(() => renewLease(leased, lease.token, 120_000, noon + 60_000)).toThrow('ran out at 2026-11-22T12:01')
  const next = acquireLease(leased, { ...wanted, holder: 'ben' }, noon + 60_000)
  expect(next.token).not.toBe(lease.token)
  expect(() => renewLease({ ...dataset, lease: next }, lease.token, 1, noon + 60_001)).toThrow(
    'not in force any more',
  )
  expect(() => renewLease(dataset, lease.token, 1, noon)).toThrow('not in force any more')
})

test('only its holder releases it, also when it has run out', () => {
  expect(() => requireOwnLease(leased, lease.token)).not.toThrow()
  expect(() => requireOwnLease(leased, 'another')).toThrow('not in force any more')
  expect(() => requireOwnLease(dataset, lease.token)).toThrow('not in force any more')
})
