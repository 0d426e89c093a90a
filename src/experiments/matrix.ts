import type { Factors, FactorValue, ResolvedExperiment } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'

/** One cell of the matrix: what every block holds once. */
export interface MatrixCell {
  readonly toolchain: string
  readonly workload: string
  /** The other axes. */
  readonly factors: Factors
}

type Matrix = Pick<ResolvedExperiment, 'axes' | 'include' | 'exclude' | 'file'>

/**
 * The product of the axes without what `exclude` matches, then the cells of `include`, each cell once. The order is the
 * file's, the last axis changing fastest.
 * @throws TestbedError (configuration) when nothing is left, or a cell lacks its toolchain or workload.
 */
export function matrixCells(experiment: Matrix): MatrixCell[] {
  const product = experiment.axes.reduce<Factors[]>(
    (cells, axis) => cells.flatMap((cell) => axis.values.map((value) => ({ ...cell, [axis.name]: value }))),
    [{}],
  )
  const kept = product.filter((cell) => !experiment.exclude.some((pattern) => matches(cell, pattern)))
  const cells = new Map<string, MatrixCell>()
  for (const values of [...kept, ...experiment.include]) {
    const cell = cellOf(values, experiment.file)
    const key = matrixKey(cell)
    if (!cells.has(key)) cells.set(key, cell)
  }
  if (cells.size === 0) {
    throw new TestbedError('configuration', 'no cell is left to measure', {
      where: experiment.file,
      hint: 'exclude fewer cells',
    })
  }
  return [...cells.values()]
}

/** The same for equal cells, whatever the order in which their factors were written. */
export function matrixKey(cell: MatrixCell): string {
  const factors = Object.entries(cell.factors).sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([cell.toolchain, cell.workload, factors])
}

/** The value of a cell on an axis, `toolchain` and `workload` being axes too. */
export function axisValue(cell: MatrixCell, axis: string): FactorValue | undefined {
  if (axis === 'toolchain') return cell.toolchain
  return axis === 'workload' ? cell.workload : cell.factors[axis]
}

function matches(cell: Factors, pattern: Factors): boolean {
  return Object.entries(pattern).every(([axis, value]) => cell[axis] === value)
}

function cellOf(values: Factors, file: string): MatrixCell {
  const { toolchain, workload, ...factors } = values
  if (toolchain === undefined || workload === undefined) {
    throw new TestbedError('configuration', 'a cell names no toolchain or no workload', {
      where: file,
      why: [JSON.stringify(values)],
      hint: '`include` takes whole cells: a toolchain, a workload and every other axis',
    })
  }
  return { toolchain: String(toolchain), workload: String(workload), factors }
}
