import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { expect, test } from 'vitest'
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
test.skipIf(old === undefined)(`under a Node that is too old the pinned one takes over${reason}`, () => {
  const entry = path.join(packageRoot, 'bin', 'testbed.js')
  const { status, stdout, stderr } = spawnSync(old ?? '', [entry, '--help'], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(stdout).toContain('Usage: testbed')
  expect(status).toBe(0)
})
