import { expect, test } from 'vitest'
import { describeLink, linkOf, missingDiscipline } from '../../../src/experiments/link.ts'
import { linkDifferences } from '../../../src/hosts/link.ts'
import { facts } from './fakes.ts'

test('a cell has the conditions of the experiment, and its own in their place', () => {
  const link = { mgmt: { rateBitsPerSecond: 1e9, delayMs: 10 } }
  expect(linkOf({ link }, {})).toEqual(link)
  expect(linkOf({ link }, { mgmtRate: '100Mbit', serviceLoss: '0.1%' })).toEqual({
    mgmt: { rateBitsPerSecond: 1e8, delayMs: 10 },
    service: { lossShare: 0.001 },
  })
  expect(linkOf({ link }, { mgmtDelay: '0ms' })).toEqual({ mgmt: { rateBitsPerSecond: 1e9 } })
})

test('no delay and no loss are no conditions', () => {
  expect(linkOf({}, {})).toBeUndefined()
  expect(linkOf({ link: { mgmt: {} } }, { mgmtDelay: '0ms', serviceLoss: '0%' })).toBeUndefined()
})

test('what a kernel lacks is told before a trial starts', () => {
  const having = (...queueDisciplines: string[]) => ({ ...facts, kernel: '6.1', queueDisciplines })
  expect(missingDiscipline({ mgmt: { rateBitsPerSecond: 1 } }, having('tbf'))).toBeUndefined()
  expect(missingDiscipline({ service: { delayMs: 1 } }, having('netem'))).toBeUndefined()
  expect(missingDiscipline({ service: { lossShare: 0.1 } }, having('tbf'))).toEqual({
    feature: 'kernel:netem',
    message: 'kernel 6.1 has no queueing discipline netem, which makes delay and loss',
  })
  expect(missingDiscipline({ mgmt: { rateBitsPerSecond: 1 } }, having('netem'))?.feature).toBe('kernel:tbf')
})

test('conditions in words', () => {
  const link = { mgmt: { rateBitsPerSecond: 1e9, delayMs: 10, lossShare: 0.001 }, service: { delayMs: 2.5 } }
  expect(describeLink(link)).toBe('mgmt 1Gbit, 10ms delay, 0.1% loss; service 2.5ms delay')
})

const tbf = { kind: 'tbf', handle: '7e57:', dev: 'mgmt0', root: true, options: { rate: 12_500_000 } }
const netem = {
  kind: 'netem',
  handle: '7e57:',
  dev: 'mgmt0',
  options: { delay: { delay: 0.01, jitter: 0 }, 'loss-random': { loss: 0.001, correlation: 0 } },
}

test('what the kernel reads back is compared with what was asked for', () => {
  expect(linkDifferences(JSON.stringify([tbf]), { rateBitsPerSecond: 1e8 })).toEqual([])
  expect(linkDifferences(JSON.stringify([netem]), { delayMs: 10, lossShare: 0.001 })).toEqual([])
  const both = JSON.stringify([netem, { ...tbf, handle: '7e58:' }])
  expect(linkDifferences(both, { rateBitsPerSecond: 1e8, delayMs: 10, lossShare: 0.001 })).toEqual([])
  expect(linkDifferences(JSON.stringify([tbf]), { rateBitsPerSecond: 1e9, delayMs: 5 })).toEqual([
    'mgmt0: 100000000 bit/s instead of 1000000000',
    'mgmt0: no ms delay instead of 5',
  ])
  // Somebody else's does not count.
  expect(linkDifferences(JSON.stringify([{ ...tbf, handle: '1:' }]), { rateBitsPerSecond: 1e8 })).toEqual([
    'mgmt0: no bit/s instead of 100000000',
  ])
})
