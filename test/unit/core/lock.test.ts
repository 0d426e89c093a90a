import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { packageRoot } from '../../../src/config/paths.ts'
import { takeLock } from '../../../src/core/lock.ts'

const options = { what: 'testbed x', hint: 'wait' }

/** A lock that another process holds: `shell` starts it, with the program as "$@". */
async function heldElsewhere(shell: string) {
  const folder = mkdtempSync(path.join(tmpdir(), 'lock-'))
  const lock = path.join(folder, 'lock')
  const module = path.join(packageRoot, 'src/core/lock.ts')
  const program = `const { takeLock } = await import(${JSON.stringify(module)})
await takeLock(${JSON.stringify(lock)}, { what: 'x', hint: 'x' })
console.log('taken')
setInterval(() => {}, 1000)`
  const starter = spawn('sh', ['-c', shell, 'sh', process.execPath, '--input-type=module', '-e', program])
  onTestFinished(() => {
    starter.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await once(starter.stdout, 'data')
  const { pid } = JSON.parse(readFileSync(`${lock}.owner`, 'utf8')) as { pid: number }
  onTestFinished(() => void spawnSync('kill', ['-9', String(pid)]))
  return { lock, pid }
}

test('the lock of a program that runs is not taken', async () => {
  const { lock, pid } = await heldElsewhere('exec "$@"')
  await expect(takeLock(lock, options)).rejects.toThrow(`testbed x is in use by process ${pid}`)
})

test('the lock of a program that was killed is taken, though its parent takes no note of its end', async () => {
  const { lock, pid } = await heldElsewhere('"$@" & exec sleep 60')
  process.kill(pid, 'SIGKILL')
  const state = () => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) (.).*$/s, '$1')
  await expect.poll(state).toBe('Z')
  const release = await takeLock(lock, options)
  await release()
})

test('a lock whose taker was killed before it could write its name down is taken after a moment', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'lock-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const lock = path.join(folder, 'lock')
  mkdirSync(lock)
  await expect(takeLock(lock, options)).rejects.toThrow('testbed x is in use')
  const release = await takeLock(lock, { ...options, waitMs: 8000 })
  expect(JSON.parse(readFileSync(`${lock}.owner`, 'utf8'))).toMatchObject({ pid: process.pid })
  await release()
}, 10_000)
