import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../src/config/paths.ts'
import { exitCodes } from '../../../src/core/errors.ts'

/** A program that works until it is interrupted, and then cleans up for a second. */
const program = `
import { interruptible } from ${JSON.stringify(path.join(packageRoot, 'src/cli/interrupt.ts'))}
await interruptible(async (signal) => {
  const stay = setInterval(() => {}, 1000)
  signal.addEventListener('abort', () => setTimeout(() => {
    clearInterval(stay)
    console.log('cleaned')
    process.exit(7)
  }, 1000))
  console.log('working')
  await new Promise(() => {})
})`

/** Interrupts it after each of these times, in ms. Answers how it ended, and what it said. */
async function interrupt(...after: readonly number[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program])
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await once(child.stdout, 'data')
  for (const ms of after) {
    await delay(ms)
    child.kill('SIGINT')
  }
  const [code] = await once(child, 'close')
  return { code: code as number | null, said }
}

test('an interrupted command cleans up', async () => {
  expect(await interrupt(0)).toEqual({ code: 7, said: 'working\ncleaned\n' })
})

test('the same Ctrl-C heard twice, from the terminal and from npm, is one', async () => {
  expect(await interrupt(0, 60)).toEqual({ code: 7, said: 'working\ncleaned\n' })
})

test('a second Ctrl-C ends it at once', async () => {
  expect(await interrupt(0, 500)).toEqual({ code: exitCodes.interrupted, said: 'working\n' })
})
