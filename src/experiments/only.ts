import { nearest } from '../config/nearest.ts'
import { TestbedError } from '../core/errors.ts'
import { axisValue, type MatrixCell } from './matrix.ts'

/** Axis → the values, as text, of the cells to keep. */
export type Only = Readonly<Record<string, readonly string[]>>

/**
 * `toolchain=docker-commit,workload=redis`; an axis named twice keeps both values.
 * @throws TestbedError (configuration) for what is not `axis=value`.
 */
export function parseOnly(text: string): Only {
  const only = new Map<string, string[]>()
  for (const part of text.split(',')) {
    const [, axis, value] = /^\s*([^=\s]+)\s*=\s*(\S+)\s*$/.exec(part) ?? []
    if (axis === undefined || value === undefined) {
      throw new TestbedError('configuration', `"${part.trim()}" is not axis=value`, {
        where: '--only',
        hint: 'write for example --only toolchain=docker-commit,workload=redis',
      })
    }
    only.set(axis, [...(only.get(axis) ?? []), value])
  }
  return Object.fromEntries(only)
}

/**
 * The cells that have one of the given values on every given axis, in the same order.
 * @throws TestbedError (configuration) for an unknown axis or value, with the nearest name, and when no cell is left.
 */
export function selectCells(cells: readonly MatrixCell[], only: Only): MatrixCell[] {
  const axes = ['toolchain', 'workload', ...new Set(cells.flatMap((cell) => Object.keys(cell.factors)))]
  for (const [axis, values] of Object.entries(only)) {
    if (!axes.includes(axis)) throw unknown('axis', axis, axes)
    const known = [...new Set(cells.flatMap((cell) => textOf(cell, axis) ?? []))]
    for (const value of values) {
      if (!known.includes(value)) throw unknown(`value of ${axis}`, value, known)
    }
  }
  const kept = cells.filter((cell) =>
    Object.entries(only).every(([axis, values]) => values.includes(textOf(cell, axis) ?? '')),
  )
  if (kept.length > 0) return kept
  throw new TestbedError('configuration', 'no cell of the experiment has all these values', {
    where: '--only',
    hint: 'these values are excluded together in the experiment file',
  })
}

function textOf(cell: MatrixCell, axis: string): string | undefined {
  const value = axisValue(cell, axis)
  return value === undefined ? undefined : String(value)
}

function unknown(what: string, name: string, known: readonly string[]): TestbedError {
  const near = nearest(name, known)
  return new TestbedError('configuration', `unknown ${what}: ${name}`, {
    where: '--only',
    why: [`known here: ${known.join(', ')}`],
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  })
}
