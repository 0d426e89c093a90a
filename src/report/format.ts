import type { Summary } from '../results/statistics.ts'

/** Printed for a metric that does not apply: never 0. */
export const absent = '–'

/** A unit for a table: the value it is worth, in the unit that values are kept in. */
interface Unit {
  readonly worth: number
  readonly label: string
}

const milliseconds: readonly Unit[] = [
  { worth: 1, label: 'ms' },
  { worth: 1000, label: 's' },
]
const bytes: readonly Unit[] = [
  { worth: 1, label: 'B' },
  { worth: 1024, label: 'KiB' },
  { worth: 1024 ** 2, label: 'MiB' },
  { worth: 1024 ** 3, label: 'GiB' },
  { worth: 1024 ** 4, label: 'TiB' },
]

/** How a metric is written: `median` such as `1.23 s`, `interval` such as `[1.10, 1.40]` in the same unit. */
export interface FormattedSummary {
  readonly median: string
  /** Absent for a single value. */
  readonly interval?: string
}

/** `412 ms`, `1.23 s`: three significant digits, at most two decimals. */
export function formatMilliseconds(value: number): string {
  return inUnit(value, milliseconds)(value, true)
}

/** The same without trailing zeros, for what is exact: `5 ms`. */
export function formatExactMilliseconds(value: number): string {
  return formatMilliseconds(value).replace(/\.0+(?= )|(?<=\.\d*[1-9])0+(?= )/, '')
}

export function formatDurationSummary(summary: Summary): FormattedSummary {
  return formatSummary(summary, inUnit(summary.median, milliseconds))
}

export function formatBytesSummary(summary: Summary): FormattedSummary {
  return formatSummary(summary, inUnit(summary.median, bytes))
}

export function formatCountSummary(summary: Summary): FormattedSummary {
  const places = Number.isInteger(summary.median) ? 0 : 1
  return formatSummary(summary, (value) => value.toFixed(Number.isInteger(value) ? 0 : places))
}

/** `0.42×`; the interval without the sign. */
export function formatRatioSummary(summary: Summary): FormattedSummary {
  const places = decimals(summary.median, 2)
  return formatSummary(summary, (value, labelled) => `${value.toFixed(places)}${labelled ? '×' : ''}`)
}

/** `12 %`, of a share. */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}

type Write = (value: number, labelled: boolean) => string

function formatSummary(summary: Summary, write: Write): FormattedSummary {
  const median = write(summary.median, true)
  if (summary.n < 2) return { median }
  return { median, interval: `[${write(summary.low, false)}, ${write(summary.high, false)}]` }
}

/** Writes every value in the unit and with the decimals that suit `value`, so that an interval reads like its median. */
function inUnit(value: number, units: readonly Unit[]): Write {
  const size = Math.abs(value)
  // 999.7 ms is 1.00 s: what would be rounded up to the next unit is written in it.
  const unit = units.findLast(({ worth }) => size >= worth * 0.9995) ?? units[0] ?? { worth: 1, label: '' }
  const whole = unit.label === 'B'
  const places = whole ? 0 : decimals(value / unit.worth, 2)
  return (each, labelled) => `${(each / unit.worth).toFixed(places)}${labelled ? ` ${unit.label}` : ''}`
}

/** Decimals that leave three significant digits. */
function decimals(value: number, most: number): number {
  const size = Math.abs(value)
  if (size === 0) return 0
  const places = 2 - Math.floor(Math.log10(Number(size.toPrecision(3))))
  return Math.max(0, Math.min(most, places))
}

/** Without the noise of binary arithmetic (734.0695000000001): 15 digits are all that a decimal can rely on. */
export function withoutNoise(value: number): number {
  return Number(value.toPrecision(15))
}
