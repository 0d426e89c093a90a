import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { packageRoot } from '../../../src/config/paths.ts'

const tooOld = (version: string): boolean => {
  const [major = 0, minor = 0] = version.replace('v', '').split('.').map(Number)
  return version.startsWith('v') && (major < 22 || (major === 22 && minor < 18))
}
const old = (process.env.PATH ?? '')
  .split(path.delimiter)
  .map((folder) => path.join(folder, 'node'))
  .find((node) => tooOld(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? ''))

const reason = old === undefined ? ' (skipped: every Node of this machine is new enough)' : ''
describe.skipIf(old === undefined)(`under a Node that is too old${reason}`, () => {
  const entry = path.join(packageRoot, 'bin', 'testbed.js')

  test('the pinned one takes over', () => {
    const { status, stdout, stderr } = spawnSync(old ?? '', [entry, '--help'], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(stdout).toContain('Usage: testbed')
    expect(status).toBe(0)
  })

  /** A command that waits: the plan of its run is a pipe that nobody writes to. Resolves when both processes are there. */
  const startWaiting = async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'old-node-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    expect(spawnSync('mkfifo', [path.join(folder, 'plan.json')]).status).toBe(0)
    const child = spawn(old ?? '', [entry, 'report', folder], { stdio: ['ignore', 'ignore', 'pipe'] })
    const running = () => processesNaming(folder)
    await expect.poll(running, { timeout: 5000 }).toHaveLength(2)
    await delay(700) // it has begun to read
    return { child, running }
  }

  test('it dies with the one that was started', async () => {
    const { child, running } = await startWaiting()
    child.kill('SIGKILL')
    await expect.poll(running, { timeout: 5000 }).toEqual([])
  })

  test('it hears of signals', async () => {
    const { child, running } = await startWaiting()
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    child.kill('SIGTERM')
    await expect.poll(() => said, { timeout: 5000 }).toContain('stopping')
    child.kill('SIGKILL')
    await expect.poll(running, { timeout: 5000 }).toEqual([])
  })
})

function processesNaming(folder: string): string[] {
  return readdirSync('/proc').filter((id) => {
    if (!/^\d+$/.test(id)) return false
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0').includes(folder)
    } catch {
      return false // it has ended meanwhile
    }
  })
}
