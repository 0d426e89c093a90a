import type { Factors } from '../config/resolved.ts'
import { type Random, randomFrom } from '../results/random.ts'
import type { MatrixCell } from './matrix.ts'

/** One trial as planned: a cell of the matrix in one block. */
export interface PlannedTrial {
  /** `007-b2-redis-docker-checkpoint`: its number from 1, block, workload, toolchain. Also the name of its folder. */
  readonly id: string
  /** Position in the plan, from 0. */
  readonly index: number
  /** From 1. */
  readonly block: number
  readonly toolchain: string
  readonly workload: string
  readonly factors: Factors
}

/**
 * Randomised complete blocks: each block holds every cell once, in an order of its own, so that whatever drifts during
 * a night (heat, neighbours, page cache) falls on all cells alike (Fisher, The Design of Experiments, 1935). The same
 * seed gives the same order.
 */
export function orderTrials(cells: readonly MatrixCell[], blocks: number, seed: number): PlannedTrial[] {
  const random = randomFrom(`order ${seed}`)
  const digits = Math.max(3, String(cells.length * blocks).length)
  return Array.from({ length: blocks }, (_, block) =>
    shuffled(cells, random).map((cell) => ({ ...cell, block: block + 1 })),
  )
    .flat()
    .map(({ toolchain, workload, factors, block }, index) => {
      const number = String(index + 1).padStart(digits, '0')
      return {
        id: `${number}-b${block}-${workload}-${toolchain}`,
        index,
        block,
        toolchain,
        workload,
        factors,
      }
    })
}

/** Fisher-Yates: draw one of those left until none is; every order is equally likely. */
function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const result: Item[] = []
  const rest = [...items]
  while (rest.length > 0) result.push(...rest.splice(Math.floor(random() * rest.length), 1))
  return result
}
