import { TestbedError } from './errors.ts'

/** Amounts are kept exact: as whole numbers of a grain (microsecond, byte, thousandth of 1/s, bit per second, millionth). */
interface Quantity {
  readonly noun: string
  readonly example: string
  /** Grains in one of the number that callers get. */
  readonly grains: number
  /** From the smallest to the largest; how many grains each unit is. */
  readonly units: Readonly<Record<string, number>>
}

const duration: Quantity = {
  noun: 'duration',
  example: '90s',
  grains: 1000,
  units: { ms: 1000, s: 1_000_000, m: 60_000_000, h: 3_600_000_000 },
}
const size: Quantity = {
  noun: 'size',
  example: '64MiB',
  grains: 1,
  units: { B: 1, kB: 1e3, KiB: 2 ** 10, MB: 1e6, MiB: 2 ** 20, GB: 1e9, GiB: 2 ** 30 },
}
const rate: Quantity = { noun: 'rate', example: '200/s', grains: 1000, units: { '/s': 1000 } }
const byteRate: Quantity = {
  noun: 'byte rate',
  example: '1MiB/s',
  grains: 1,
  units: Object.fromEntries(Object.entries(size.units).map(([unit, bytes]) => [`${unit}/s`, bytes])),
}
const linkRate: Quantity = {
  noun: 'link rate',
  example: '100Mbit',
  grains: 1,
  units: { bit: 1, kbit: 1e3, Mbit: 1e6, Gbit: 1e9 },
}
const share: Quantity = { noun: 'share', example: '0.1%', grains: 1e6, units: { '%': 1e4 } }

/** Milliseconds of `500ms`, `90s`, `1.5m`, `1h`. Throws a configuration error without a known unit. */
export const parseDuration = (text: string): number => parse(duration, text)
/** Bytes of `64KiB`, `64MiB`, `2GiB`, `10MB`. Throws a configuration error without a known unit. */
export const parseSize = (text: string): number => parse(size, text)
/** Per second, of `200/s`. Throws a configuration error without a known unit. */
export const parseRate = (text: string): number => parse(rate, text)
/** Bytes per second of `1MiB/s`, `10MB/s`. Throws a configuration error without a known unit. */
export const parseByteRate = (text: string): number => parse(byteRate, text)
/** Bits per second of `1Gbit`, `100Mbit` (powers of ten, as tc counts). Throws a configuration error without a known unit. */
export const parseLinkRate = (text: string): number => parse(linkRate, text)
/** Of 1, of `0.1%`. Throws a configuration error without a known unit. */
export const parseShare = (text: string): number => parse(share, text)

/** The inverse of `parseDuration`, to the microsecond: `90000` is `90s`, `60000` is `1m`. */
export const formatDuration = (ms: number): string => format(duration, ms)
/** The inverse of `parseSize`, exact: `67108864` is `64MiB`, `67108865` is `67108865B`. */
export const formatSize = (bytes: number): string => format(size, bytes)
/** The inverse of `parseRate`. */
export const formatRate = (perSecond: number): string => format(rate, perSecond)
/** The inverse of `parseByteRate`. */
export const formatByteRate = (bytesPerSecond: number): string => format(byteRate, bytesPerSecond)
/** The inverse of `parseLinkRate`. */
export const formatLinkRate = (bitsPerSecond: number): string => format(linkRate, bitsPerSecond)
/** The inverse of `parseShare`. */
export const formatShare = (part: number): string => format(share, part)

function parse(quantity: Quantity, text: string): number {
  const { noun, units, grains } = quantity
  const hint = `write a ${noun} as a number and a unit, such as ${quantity.example} (units: ${Object.keys(units).join(', ')})`
  const fail = (message: string): TestbedError => new TestbedError('configuration', message, { hint })
  const [, whole = '', decimals = '', unit = ''] = /^(\d{1,18})(?:\.(\d{1,9}))?(\D*)$/.exec(text) ?? []
  if (whole === '') throw fail(`"${text}" is not a ${noun}`)
  if (unit === '') throw fail(`${text} has no unit`)
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
  if (factor === undefined) throw fail(`"${text}" has the unknown unit "${unit}"`)

  const scaled = BigInt(whole + decimals) * BigInt(factor)
  const scale = 10n ** BigInt(decimals.length)
  if (scaled % scale !== 0n) throw fail(`"${text}" is finer than a ${noun} can be`)
  const amount = Number(scaled / scale)
  if (!Number.isSafeInteger(amount)) throw fail(`"${text}" is too large`)
  return amount / grains
}

function format(quantity: Quantity, value: number): string {
  const amount = Math.round(value * quantity.grains)
  const units = Object.entries(quantity.units)
  const fitting = units.findLast(([, factor]) => amount >= factor && amount % factor === 0) ?? units[0]
  const [unit, factor] = fitting ?? ['', 1]
  return `${amount / factor}${unit}`
}

/** For tables: `0.41 ms`, `41 ms`, `1.23 s`, `1 min 35 s`, `2 h 5 min`. */
export function humanDuration(ms: number): string {
  if (ms < 0) return `-${humanDuration(-ms)}`
  if (ms < 999.5) return `${threeDigits(ms)} ms`
  if (ms < 59_950) return `${threeDigits(ms / 1000)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's')
  const minutes = Math.round(seconds / 60)
  return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
}

/** For tables: `512 B`, `65.2 MiB`, `2 GiB`. */
export function humanSize(bytes: number): string {
  if (bytes < 0) return `-${humanSize(-bytes)}`
  let value = bytes
  let unit = 'B'
  for (const larger of ['KiB', 'MiB', 'GiB', 'TiB']) {
    // 1023.6 would be shown as 1024 of the smaller unit.
    if (value < 1023.5) break
    value /= 1024
    unit = larger
  }
  return `${threeDigits(value)} ${unit}`
}

/** Three significant digits, whole numbers kept whole, no zeros at the end. */
function threeDigits(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}
