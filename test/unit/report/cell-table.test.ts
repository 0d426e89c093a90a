import { expect, test } from 'vitest'
import { cellTable } from '../../../src/report/cell-table.ts'
import { compareTrials } from '../../../src/results/comparison.ts'
import { trialRecord } from '../results/records.ts'

test('the table says how open connections were lost', () => {
  const axes = [
    { name: 'toolchain', values: ['docker-commit'] },
    { name: 'workload', values: ['counter'] },
  ]
  const plan = { hash: 'abc', seed: 7, experiment: { name: 'one', axes }, order: [{}, {}, {}] }
  const kept = { memory: 'kept', files: 'kept', connections: 'kept', findings: [] } as const
  const records = [
    trialRecord({ index: 0, connection: 'survived', state: kept }),
    trialRecord({ index: 1, connection: 'reset' }),
    trialRecord({ index: 2, connection: 'stalled' }),
  ]
  const { columns, rows } = cellTable(compareTrials({ id: 'run', plan, environment: {}, records }))
  const at = columns.findIndex(({ title }) => title[0] === 'state kept')
  expect(rows[0]?.[at]?.lines).toEqual(['memory 3/3', 'files 3/3', 'connections 1/3 (1 reset, 1 stalled)'])
})
