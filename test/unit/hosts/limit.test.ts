import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLimiter } from '../../../src/hosts/limit.ts'

test('never more tasks at once than the limit, all of them, in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.boolean(), { maxLength: 30 }),
      async (limit, fates) => {
        const limited = createLimiter(limit)
        const started: number[] = []
        let running = 0
        let most = 0
        const results = await Promise.allSettled(
          fates.map((succeeds, n) =>
            limited(async () => {
              started.push(n)
              running += 1
              most = Math.max(most, running)
              await new Promise((resolve) => setImmediate(resolve))
              running -= 1
              if (!succeeds) throw new Error(String(n))
              return n
            }),
          ),
        )
        expect(started).toEqual(fates.map((_, n) => n))
        expect(most).toBe(Math.min(limit, fates.length))
        expect(results.map(({ status }) => status === 'fulfilled')).toEqual(fates)
      },
    ),
  )
})
