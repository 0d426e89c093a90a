import type { Cell } from '../results/cell.ts'

/** `docker-commit × redis · size 64MiB` */
export function nameOf(cell: Pick<Cell, 'toolchain' | 'workload' | 'factors'>): string {
  return `${cell.toolchain} × ${conditionsOf(cell)}`
}

/** `redis · size 64MiB` */
export function conditionsOf(cell: Pick<Cell, 'workload' | 'factors'>): string {
  const factors = Object.entries(cell.factors).map(([name, value]) => `${name} ${value}`)
  return [cell.workload, ...factors].join(' · ')
}

/** Names of the factors of any cell, in order of first occurrence. */
export function factorNames(cells: readonly Pick<Cell, 'factors'>[]): string[] {
  return [...new Set(cells.flatMap((row) => Object.keys(row.factors)))]
}
