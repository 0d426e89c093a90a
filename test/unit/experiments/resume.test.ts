import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { takeLock } from '../../../src/core/lock.ts'
import { readRecords } from '../../../src/results/journal.ts'
import { atCall, hang } from './fakes.ts'
import { deploys, expectComplete, plan, total, useSessions } from './sessions.ts'

const { results, runPath, session } = useSessions()

describe('an interrupted run', () => {
  it('cleans the running trial up, journals the others and names the command that goes on', async () => {
    const controller = new AbortController()
    const { calls, outcome } = session({
      signal: controller.signal,
      on: atCall('deploy', 4, async (_call, signal) => {
        controller.abort(new Error('Ctrl-C'))
        await hang(signal)
      }),
    })
    await expect(outcome).rejects.toMatchObject({
      kind: 'interrupted',
      exitCode: 130,
      message: `interrupted: 3 of ${total} trials are done`,
      parts: { again: expect.stringContaining('testbed resume') },
    })
    expect(await readRecords(join(await runPath(), 'trials.jsonl'))).toHaveLength(3)
    expect(calls.slice(-2)).toEqual([`remove ${plan.order[3]?.toolchain} of 004`, 'reports'])
  })

  it('is resumed where it was, with a second attempt of the trial that was cut off', async () => {
    const controller = new AbortController()
    const cut = session({
      signal: controller.signal,
      on: atCall('deploy', 4, async (_call, signal) => {
        controller.abort(new Error('Ctrl-C'))
        await hang(signal)
      }),
    })
    await cut.outcome.catch(() => undefined)
    const path = await runPath()
    await writeFile(join(path, 'trials', plan.order[3]?.id ?? '', 'criu.log'), 'of the first attempt')

    const resumed = session({ path, fresh: false })
    const { records, exitCode } = await resumed.outcome
    expect(exitCode).toBe(0)
    await expectComplete(path)
    expect(records.map(({ attempt }) => attempt)).toEqual(plan.order.map((_, i) => (i === 3 ? 2 : 1)))
    expect(deploys(resumed.calls)).toHaveLength(total - 3)
    // What the killed session may have left is gone before anything is compared with it.
    expect(resumed.calls.indexOf('reset host-a host-b')).toBeLessThan(
      resumed.calls.indexOf('baseline of hosts'),
    )
    expect(await readdir(join(path, 'trials', plan.order[3]?.id ?? ''))).not.toContain('criu.log')
    expect(resumed.events[0]).toMatchObject({ kind: 'run-started', total, finished: 3 })
  })

  it('while images are built has not begun', async () => {
    const controller = new AbortController()
    const { outcome } = session({
      signal: controller.signal,
      on: async (call, signal) => {
        if (call !== 'prepare redis') return
        controller.abort(new Error('Ctrl-C'))
        await hang(signal)
      },
    })
    await expect(outcome).rejects.toMatchObject({
      kind: 'interrupted',
      message: 'interrupted before the run began',
    })
    expect(await readdir(results())).toEqual([])
  })
})

describe('resume', () => {
  it('completes each planned trial exactly once, wherever the run was killed', async () => {
    const path = (await session().outcome).folder.path
    const journal = join(path, 'trials.jsonl')
    const lines = (await readFile(journal, 'utf8')).split('\n').filter((line) => line !== '')
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: total }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        async (done, share, begun) => {
          // What kill -9 leaves: whole lines, perhaps the beginning of one, perhaps the folder of a trial without record.
          await rm(journal)
          const whole = lines.slice(0, done).map((line) => `${line}\n`)
          const next = lines[done] ?? ''
          const torn = next.slice(0, Math.floor(share * next.length))
          await appendFile(journal, whole.join('') + torn)
          for (const [i, { id }] of plan.order.entries()) {
            if (i > done || (i === done && !begun)) {
              await rm(join(path, 'trials', id), { recursive: true, force: true })
            }
          }
          const { calls, outcome } = session({ path })
          const { records, exitCode } = await outcome
          await expectComplete(path)
          expect(exitCode).toBe(0)
          expect(records).toHaveLength(total)
          const wasWhole = torn === next && next !== ''
          expect(deploys(calls)).toHaveLength(total - done - (wasWhole ? 1 : 0))
        },
      ),
      { numRuns: 25 },
    )
  }, 60_000)

  it('of a complete run only writes the reports, and touches no host', async () => {
    const path = (await session().outcome).folder.path
    const { calls, outcome } = session({ path, fresh: false })
    expect((await outcome).records).toHaveLength(total)
    expect(calls).toEqual(['reports'])
  })

  it('keeps the environment of the beginning, adds its own and says what differs', async () => {
    const controller = new AbortController()
    const on = atCall('deploy', 1, () => controller.abort(new Error('Ctrl-C')))
    await session({ signal: controller.signal, on }).outcome.catch(() => undefined)
    const path = await runPath()
    const file = join(path, 'environment.json')
    const first = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(file, JSON.stringify({ ...first, images: { redis: 'sha256:other' } }))

    const { records } = await session({ path }).outcome
    const environment = JSON.parse(await readFile(file, 'utf8'))
    expect(environment.images).toEqual({ redis: 'sha256:other' })
    expect(environment.resumed).toEqual([
      {
        provider: 'namespaces',
        accelerator: 'none',
        images: { counter: 'sha256:counter', redis: 'sha256:redis' },
      },
    ])
    expect(records[0]?.warnings).toEqual(['an image of a workload is not what it was when the run began'])
  })

  it('is refused while the run is under way', async () => {
    const path = (await session().outcome).folder.path
    const release = await takeLock(join(path, '.lock'), { what: 'the run', hint: '' })
    await expect(session({ path }).outcome).rejects.toMatchObject({ kind: 'busy', exitCode: 6 })
    await release()
    await session({ path }).outcome
  })
})
