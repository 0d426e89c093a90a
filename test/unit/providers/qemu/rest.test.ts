import { spawn } from 'node:child_process'
import { afterEach, expect, test } from 'vitest'
import { millisecondsBetween, systemClock } from '../../../../src/core/time.ts'
import { waitForRest } from '../../../../src/providers/qemu/rest.ts'

const children: ReturnType<typeof spawn>[] = []

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

function start(script: string): number {
  const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' })
  children.push(child)
  if (child.pid === undefined) throw new Error('it did not start')
  return child.pid
}

test('a process that works for two seconds and then waits is waited for, and no longer', async () => {
  const pid = start('const end = Date.now() + 2000; while (Date.now() < end); setInterval(() => {}, 1000)')
  const began = systemClock.monotonicNs()
  expect(await waitForRest(pid, systemClock)).toBe(true)
  expect(millisecondsBetween(began, systemClock.monotonicNs())).toBeGreaterThan(2000)
})

test('one that never rests is given up after 20 s', async () => {
  const pid = start('for (;;);')
  let now = 0n
  const clock = {
    ...systemClock,
    monotonicNs: () => now,
    // Twice as fast: it still takes half of a processor.
    sleep: async (ms: number) => {
      await systemClock.sleep(ms / 2)
      now += BigInt(ms) * 1_000_000n
    },
  }
  expect(await waitForRest(pid, clock)).toBe(false)
  expect(now).toBe(20_000_000_000n)
}, 30_000)

test('an interruption ends the wait', async () => {
  const pid = start('for (;;);')
  await expect(waitForRest(pid, systemClock, AbortSignal.timeout(300))).rejects.toMatchObject({
    name: 'TimeoutError',
  })
})
