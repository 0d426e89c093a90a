import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRun, type Plan, planExperiment } from '../../../src/experiments/plan.ts'
import { appendRecord } from '../../../src/results/journal.ts'
import { createRunFolder } from '../../../src/results/run-folder.ts'
import { trialRecord } from '../results/records.ts'
import { createFakeClock } from './fake-clock.ts'
import { experiment, resolvedTestbed, workloads } from './fakes.ts'

const now = new Date('2026-11-22T01:04:09Z')
const base = { experiment: experiment(), testbed: resolvedTestbed, workloads, drawSeed: () => 99, now }

describe('planExperiment', () => {
  it('takes the seed of the file, and draws and keeps one where there is none', () => {
    expect(planExperiment(base).seed).toBe(7)
    const { seed: _seed, ...unseeded } = experiment()
    const drawn = planExperiment({ ...base, experiment: unseeded })
    expect(drawn.seed).toBe(99)
    expect(drawn.experiment.seed).toBe(99)
  })

  it('has the same hash for the same content whenever it is made, and another for any other', () => {
    const { hash } = planExperiment(base)
    expect(planExperiment({ ...base, now: new Date(0) }).hash).toBe(hash)
    expect(planExperiment({ ...base, repetitions: 3 }).hash).not.toBe(hash)
    expect(planExperiment({ ...base, experiment: experiment({ seed: 8 }) }).hash).not.toBe(hash)
    const patient = experiment({ deadlineMs: 121_000 })
    expect(planExperiment({ ...base, experiment: patient }).hash).not.toBe(hash)
  })

  it('keeps only the workloads and toolchains that it uses, in the order of the file', () => {
    const plan = planExperiment({ ...base, only: { workload: ['redis'] }, repetitions: 1 })
    expect(plan.workloads.map(({ name }) => name)).toEqual(['redis'])
    expect(plan.toolchains).toEqual(['docker-commit', 'docker-checkpoint'])
    expect(plan.order).toHaveLength(2)
    expect(plan.experiment.repetitions).toBe(1)
  })

  it.each([0, -1, 1.5, Number.NaN])('refuses %d repetitions', (repetitions) => {
    expect(() => planExperiment({ ...base, repetitions })).toThrow('repetitions cannot be run')
  })

  it('refuses a workload that is not there', () => {
    expect(() => planExperiment({ ...base, workloads: [] })).toThrow('unknown workload: counter')
  })

  it('is described by schemas/plan.schema.json', async () => {
    const schema: unknown = JSON.parse(
      await readFile(new URL('../../../schemas/plan.schema.json', import.meta.url), 'utf8'),
    )
    const validate = new Ajv({ strict: true, allErrors: true }).compile(schema as object)
    const plan: unknown = JSON.parse(
      JSON.stringify(planExperiment({ ...base, only: { workload: ['redis'] } })),
    )
    expect(validate(plan), JSON.stringify(validate.errors)).toBe(true)
    expect(validate({ ...(plan as Plan), order: [{ id: '1' }] })).toBe(false)
  })
})

describe('openRun', () => {
  let results: string
  beforeEach(async () => {
    results = await mkdtemp(join(tmpdir(), 'plan-'))
  })
  afterEach(() => rm(results, { recursive: true, force: true }))

  const plan = planExperiment(base)
  const create = () =>
    createRunFolder({ resultsFolder: results, plan, clock: createFakeClock(), random: () => 0.5 })

  it('reads back what was planned, through the link too', async () => {
    const folder = await create()
    const opened = await openRun(join(results, 'quickstart', 'latest'))
    expect(opened).toEqual({ folder, plan, records: [] })
  })

  it('refuses a plan that was edited', async () => {
    const folder = await create()
    const text = await readFile(folder.planFile, 'utf8')
    await writeFile(folder.planFile, text.replace('"deadlineMs": 120000', '"deadlineMs": 1000'))
    await expect(openRun(folder.path)).rejects.toMatchObject({
      kind: 'configuration',
      message: 'the plan was changed after the run began',
    })
  })

  it('does not mind how a plan is laid out', async () => {
    const folder = await create()
    await writeFile(folder.planFile, JSON.stringify(plan))
    expect((await openRun(folder.path)).plan).toEqual(plan)
  })

  it('refuses a plan of another version', async () => {
    const folder = await create()
    await writeFile(folder.planFile, JSON.stringify({ ...plan, version: 2 }))
    await expect(openRun(folder.path)).rejects.toThrow('a plan of version 2')
  })

  it('refuses a journal of another run', async () => {
    const folder = await create()
    await appendRecord(folder.journalFile, trialRecord({ id: '001-b1-other-docker-commit' }))
    await expect(openRun(folder.path)).rejects.toThrow('the journal holds a trial that the plan does not')
  })
})
