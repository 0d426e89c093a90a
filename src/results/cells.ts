import type { Factors, FactorValue } from '../config/resolved.ts'
import type { TrialRecord } from './record.ts'
import type { RunPlan } from './run-folder.ts'

/** The trials of one row of the table. */
export interface CellTrials {
  readonly toolchain: string
  readonly workload: string
  readonly factors: Factors
  readonly trials: readonly TrialRecord[]
}

type Axes = RunPlan['experiment']['axes']

/**
 * One entry a cell, in the order of the table: rows to be compared stand together, so workload first, then the other
 * axes, toolchain last; values in the order of the experiment's file, and those that only `include` names after them.
 */
export function groupByCell(trials: readonly TrialRecord[], axes: Axes): CellTrials[] {
  const groups = new Map<string, TrialRecord[]>()
  for (const trial of trials) {
    const key = cellKey(trial)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [trial])
    else group.push(trial)
  }
  const cells: CellTrials[] = []
  for (const group of groups.values()) {
    const [first] = group
    if (first === undefined) continue
    const { toolchain, workload, factors } = first
    cells.push({ toolchain, workload, factors, trials: group })
  }
  const names = axisNames(cells, axes)
  return cells.sort((a, b) => compareBy(names, axes, a, b))
}

/** The same for cells with the same workload and factors, whatever the order in which the factors were written. */
export function conditionsKey(cell: Pick<CellTrials, 'workload' | 'factors'>): string {
  const factors = Object.entries(cell.factors).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([cell.workload, factors])
}

/** The same for trials of one cell. */
export function cellKey(cell: Pick<CellTrials, 'toolchain' | 'workload' | 'factors'>): string {
  return JSON.stringify([cell.toolchain, conditionsKey(cell)])
}

function axisNames(cells: readonly CellTrials[], axes: Axes): string[] {
  const planned = axes.map((axis) => axis.name).filter((name) => name !== 'toolchain' && name !== 'workload')
  const included = cells.flatMap((cell) => Object.keys(cell.factors)).sort()
  return [...new Set(['workload', ...planned, ...included]), 'toolchain']
}

function compareBy(names: readonly string[], axes: Axes, a: CellTrials, b: CellTrials): number {
  for (const name of names) {
    const [left, right] = [axisValue(a, name), axisValue(b, name)]
    if (left === right) continue
    const values = axes.find((axis) => axis.name === name)?.values ?? []
    const byPlan = placeOf(values, left) - placeOf(values, right)
    if (byPlan !== 0) return byPlan
    if (typeof left === 'number' && typeof right === 'number') return left - right
    return String(left) < String(right) ? -1 : 1
  }
  return 0
}

function axisValue(cell: CellTrials, name: string): FactorValue | undefined {
  if (name === 'toolchain') return cell.toolchain
  return name === 'workload' ? cell.workload : cell.factors[name]
}

function placeOf(values: readonly FactorValue[], value: FactorValue | undefined): number {
  const place = value === undefined ? -1 : values.indexOf(value)
  return place === -1 ? values.length : place
}
