import { expect, test } from 'vitest'
import { dumpPastChanges } from '../../../src/toolchains/criu-failure.ts'
import type { TrialContext } from '../../../src/toolchains/toolchain.ts'
import { fakeHost } from '../workloads/support.ts'

const refused = new Error('criu failed')

/** Dumps that are refused so many times, on a host whose log of CRIU does or does not tell of a process that was ending. */
function dumping(refusals: number, log: { readonly tells: boolean }) {
  const { host } = fakeHost(() => ({ exitCode: log.tells ? 0 : 1 }))
  const context = { signal: new AbortController().signal } as TrialContext
  const details: Record<string, number | string> = {}
  let dumps = 0
  const ended = dumpPastChanges(context, host, details, async () => {
    dumps += 1
    if (dumps <= refusals) throw refused
    return 'dumped'
  })
  return { ended, details, dumps: () => dumps }
}

test('a dump that met a process on its way out is made again, and that is told', async () => {
  const { ended, details, dumps } = dumping(2, { tells: true })
  await expect(ended).resolves.toBe('dumped')
  expect(dumps()).toBe(3)
  expect(details).toEqual({ dumpedAgain: 2 })
})

test('a dump that meets one each time is given up', async () => {
  const { ended, dumps } = dumping(9, { tells: true })
  await expect(ended).rejects.toBe(refused)
  expect(dumps()).toBe(3)
})

test('a dump that failed for another reason is not made again', async () => {
  const { ended, details, dumps } = dumping(1, { tells: false })
  await expect(ended).rejects.toBe(refused)
  expect(dumps()).toBe(1)
  expect(details).toEqual({})
})
