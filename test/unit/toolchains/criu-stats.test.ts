import { readFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../src/config/paths.ts'
import { parseCriuStats } from '../../../src/toolchains/criu-stats.ts'

const header = [0x40, 0x59, 0x10, 0x55, 0x06, 0x33, 0x09, 0x57]

/** A number as protobuf writes it: seven bits a byte, the lowest first. */
function varint(value: number): number[] {
  const low = value % 128
  return value < 128 ? [low] : [low + 128, ...varint(Math.floor(value / 128))]
}

function statsFile(kind: 1 | 2, fields: readonly (readonly [number, number])[]): Uint8Array {
  const inner = fields.flatMap(([field, value]) => [...varint(field * 8), ...varint(value)])
  const entry = [...varint(kind * 8 + 2), ...varint(inner.length), ...inner]
  return Uint8Array.from([...header, entry.length, 0, 0, 0, ...entry])
}

const readTestdata = (name: string) => readFileSync(path.join(packageRoot, 'test/testdata/criu', name))

test('stats-dump of a real dump (CRIU 4.2.1; redis with 64 MiB of values)', () => {
  expect(parseCriuStats(readTestdata('stats-dump'))).toEqual({
    dump: {
      freezingUs: 1117,
      frozenUs: 273_544,
      memdumpUs: 101_440,
      memwriteUs: 52_251,
      pagesScanned: 21_309,
      pagesSkippedParent: 0,
      pagesWritten: 20_627,
      pagesLazy: 0,
    },
  })
})

test('stats-restore of the real restore of that dump', () => {
  expect(parseCriuStats(readTestdata('stats-restore'))).toEqual({
    restore: {
      forkingUs: 5,
      restoreUs: 356_253,
      pagesCompared: 0,
      pagesSkippedCow: 0,
      pagesRestored: 20_627,
    },
  })
})

test('every field comes back, whatever its size and order', () => {
  const amount = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
  fc.assert(
    fc.property(amount, amount, amount, (freezingUs, pagesWritten, unknown) => {
      const { dump, restore } = parseCriuStats(
        statsFile(1, [
          [7, pagesWritten],
          [77, unknown],
          [1, freezingUs],
        ]),
      )
      expect(dump).toMatchObject({ freezingUs, pagesWritten, frozenUs: 0, pagesLazy: 0 })
      expect(restore).toBeUndefined()
    }),
  )
})

test('bytes behind the entry are not read, nor is the place of the bytes in their buffer', () => {
  const file = statsFile(2, [[4, 1234]])
  const padded = new Uint8Array(file.length + 16).fill(0xff)
  padded.set(file, 8)
  expect(parseCriuStats(padded.subarray(8)).restore?.restoreUs).toBe(1234)
})

test('something else is an error, never figures', () => {
  const whole = statsFile(1, [[1, 300]])
  expect(() => parseCriuStats(new Uint8Array())).toThrow(RangeError)
  expect(() => parseCriuStats(Uint8Array.from(Buffer.from('not statistics at all')))).toThrow(
    'not a statistics file',
  )
  expect(() => parseCriuStats(whole.subarray(0, -1))).toThrow('cut off')
  const fixed = Uint8Array.from([...header, 6, 0, 0, 0, 0x0a, 4, 0x0d, 1, 2, 3])
  expect(() => parseCriuStats(fixed)).toThrow('unknown wire type 5')
})
