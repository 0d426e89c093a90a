import { expect, test } from 'vitest'
import type { Facts } from '../../../../src/hosts/facts.ts'
import { missingFor } from '../../../../src/toolchains/runc/modes.ts'

const able: Facts = {
  kernel: '6.12',
  distribution: 'Debian',
  architecture: 'x86_64',
  cpus: 2,
  memoryBytes: 1e9,
  cgroup: 'v2',
  init: 'systemd',
  versions: { runc: '1.1.15', criu: '4.2' },
  docker: { experimental: false, storageDriver: 'overlayfs', cgroupDriver: 'systemd' },
  criuFeatures: { mem_dirty_track: true, uffd: true, 'uffd-noncoop': true },
  queueDisciplines: [],
  limitsOfOthers: true,
  volumeBackEnds: [],
  clockSource: 'tsc',
}
const hybrid = { memory: 'postcopy', rounds: true } as const
const stopCopy = { memory: 'stop-copy', rounds: false } as const

test('hosts that have everything are taken', () => {
  expect(missingFor(hybrid, able, able)).toBeUndefined()
})

test('without tracking of writes there is no pre-copy, and all else', () => {
  const without = { ...able, criuFeatures: { ...able.criuFeatures, mem_dirty_track: false } }
  expect(missingFor(hybrid, without, able)).toMatchObject({ feature: 'criu:mem_dirty_track', at: 'source' })
  expect(missingFor(hybrid, able, without)).toBeUndefined()
  expect(missingFor(stopCopy, without, without)).toBeUndefined()
})

test('post-copy asks the destination for userfaultfd', () => {
  const without = { ...able, criuFeatures: { mem_dirty_track: true, uffd: true } }
  expect(missingFor(hybrid, able, without)).toMatchObject({ feature: 'criu:uffd-noncoop', at: 'destination' })
  expect(missingFor(hybrid, without, able)).toBeUndefined()
})

test.each(['runc', 'criu'])('a host without %s is told', (program) => {
  const versions = Object.fromEntries(Object.entries(able.versions).filter(([name]) => name !== program))
  expect(missingFor(stopCopy, able, { ...able, versions })).toMatchObject({
    feature: program,
    at: 'destination',
  })
})
