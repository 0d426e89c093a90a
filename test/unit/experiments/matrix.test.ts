import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matrixCells, matrixKey } from '../../../src/experiments/matrix.ts'
import { parseOnly, selectCells } from '../../../src/experiments/only.ts'
import { orderTrials } from '../../../src/experiments/order.ts'
import { experiment } from './fakes.ts'

const sized = {
  axes: [
    { name: 'toolchain', values: ['docker-commit', 'docker-checkpoint'] },
    { name: 'workload', values: ['counter', 'redis'] },
    { name: 'stateSize', values: ['8MiB', '64MiB'] },
  ],
}

describe('matrixCells', () => {
  it('is the product of the axes, the last one changing fastest', () => {
    const cells = matrixCells(experiment(sized))
    expect(cells.map((cell) => `${cell.toolchain} ${cell.workload} ${cell.factors.stateSize}`)).toEqual([
      'docker-commit counter 8MiB',
      'docker-commit counter 64MiB',
      'docker-commit redis 8MiB',
      'docker-commit redis 64MiB',
      'docker-checkpoint counter 8MiB',
      'docker-checkpoint counter 64MiB',
      'docker-checkpoint redis 8MiB',
      'docker-checkpoint redis 64MiB',
    ])
  })

  it('leaves out every cell that a partial exclude matches', () => {
    const cells = matrixCells(
      experiment({ ...sized, exclude: [{ workload: 'counter', stateSize: '64MiB' }, { stateSize: '9MiB' }] }),
    )
    expect(cells).toHaveLength(6)
    expect(cells.filter(({ workload }) => workload === 'counter').map(({ factors }) => factors)).toEqual([
      { stateSize: '8MiB' },
      { stateSize: '8MiB' },
    ])
  })

  it('adds whole cells after the product, and none twice', () => {
    const cells = matrixCells(
      experiment({
        ...sized,
        exclude: [{ toolchain: 'docker-commit' }],
        include: [
          { stateSize: '1GiB', workload: 'redis', toolchain: 'docker-commit' },
          { stateSize: '8MiB', workload: 'redis', toolchain: 'docker-checkpoint' },
        ],
      }),
    )
    expect(cells).toHaveLength(5)
    expect(cells[4]).toEqual({
      toolchain: 'docker-commit',
      workload: 'redis',
      factors: { stateSize: '1GiB' },
    })
  })

  it('refuses a matrix without cells and a cell without a workload', () => {
    const none = experiment({ exclude: [{ toolchain: 'docker-commit' }, { toolchain: 'docker-checkpoint' }] })
    expect(() => matrixCells(none)).toThrow('no cell is left to measure')
    const partial = experiment({ include: [{ toolchain: 'docker-commit' }] })
    expect(() => matrixCells(partial)).toThrow('a cell names no toolchain or no workload')
  })
})

describe('--only', () => {
  const cells = matrixCells(experiment(sized))

  it('keeps the cells with all the values, several of one axis being alternatives', () => {
    const one = selectCells(cells, parseOnly('toolchain=docker-commit, workload=redis,stateSize=8MiB'))
    expect(one).toEqual([{ toolchain: 'docker-commit', workload: 'redis', factors: { stateSize: '8MiB' } }])
    expect(selectCells(cells, parseOnly('workload=redis,workload=counter'))).toEqual(cells)
  })

  it.each([
    ['tolchain=docker-commit', 'unknown axis: tolchain', 'did you mean toolchain?'],
    [
      'toolchain=docker-chekpoint',
      'unknown value of toolchain: docker-chekpoint',
      'did you mean docker-checkpoint?',
    ],
    ['__proto__=redis', 'unknown axis: __proto__', undefined],
    ['redis', '"redis" is not axis=value', 'write for example --only toolchain=docker-commit,workload=redis'],
    ['', '"" is not axis=value', 'write for example --only toolchain=docker-commit,workload=redis'],
  ])('refuses %j', (text, message, hint) => {
    const run = () => selectCells(cells, parseOnly(text))
    expect(run).toThrow(
      expect.objectContaining({
        kind: 'configuration',
        message,
        parts: expect.objectContaining(hint === undefined ? { where: '--only' } : { where: '--only', hint }),
      }),
    )
  })

  it('refuses values that never come together', () => {
    const apart = matrixCells(experiment({ exclude: [{ toolchain: 'docker-commit', workload: 'redis' }] }))
    expect(() => selectCells(apart, parseOnly('toolchain=docker-commit,workload=redis'))).toThrow(
      'no cell of the experiment has all these values',
    )
  })
})

describe('orderTrials', () => {
  const cells = matrixCells(experiment(sized))

  it('holds every cell exactly once in every block, numbered through', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(),
        (count, blocks, seed) => {
          const some = cells.slice(0, count)
          const order = orderTrials(some, blocks, seed)
          expect(order.map(({ index }) => index)).toEqual(order.map((_, i) => i))
          expect(new Set(order.map(({ id }) => id)).size).toBe(count * blocks)
          for (let block = 1; block <= blocks; block++) {
            const held = order.slice((block - 1) * count, block * count)
            expect(held.every((trial) => trial.block === block)).toBe(true)
            expect(held.map(matrixKey).sort()).toEqual(some.map(matrixKey).sort())
          }
        },
      ),
    )
  })

  it('is the same for the same seed', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(orderTrials(cells, 4, seed)).toEqual(orderTrials(cells, 4, seed))
      }),
    )
  })

  it('puts each cell in each place about equally often', () => {
    const places = new Map<string, number[]>()
    const some = cells.slice(0, 3)
    const blocks = 3000
    orderTrials(some, blocks, 1).forEach((trial, i) => {
      const counts = places.get(matrixKey(trial)) ?? [0, 0, 0]
      counts[i % 3] = (counts[i % 3] ?? 0) + 1
      places.set(matrixKey(trial), counts)
    })
    // Binomial with n = 3000, p = 1/3: five standard deviations are 129.
    for (const count of [...places.values()].flat()) expect(Math.abs(count - blocks / 3)).toBeLessThan(129)
  })

  it('names trials by number, block, workload and toolchain, in as many digits as the plan needs', () => {
    const [cell] = cells
    if (cell === undefined) throw new Error('no cell')
    const order = orderTrials([cell], 1000, 1)
    expect(orderTrials([cell], 2, 1)[1]?.id).toBe('002-b2-counter-docker-commit')
    expect(order[0]?.id).toBe('0001-b1-counter-docker-commit')
    expect(order[999]?.id).toBe('1000-b1000-counter-docker-commit')
  })
})
