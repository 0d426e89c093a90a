import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../../src/config/paths.ts'
import { parseStatistics, stopReason, stopRule } from '../../../../src/toolchains/runc/rounds.ts'

test.each([
  ['before the first round', [], undefined],
  ['after one, whose size says nothing', [20_000], undefined],
  ['when the rest is small', [20_000, 500], 'few pages'],
  ['at once where there is little from the start', [stopRule.pages], 'few pages'],
  ['while it gets smaller', [20_000, 9000, 4000], undefined],
  ['when it does not get smaller', [20_000, 9000, 8900], 'not converging'],
  ['when there were enough', [40_000, 20_000, 9000, 4000, 2000], 'rounds'],
])('pre-copy stops %s', (_, written, reason) => {
  expect(stopReason(written)).toBe(reason)
})

test('statistics come as the script tells them', () => {
  const file = readFileSync(path.join(packageRoot, 'test/testdata/criu/stats-dump'))
  expect(parseStatistics(file.toString('base64')).pagesWritten).toBe(20_627)
  expect(() => parseStatistics('')).toThrow(RangeError)
})
