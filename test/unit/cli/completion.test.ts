import { spawnSync } from 'node:child_process'
import { expect, test, vi } from 'vitest'
import { createProgram } from '../../../src/cli/main.ts'
import { columns } from '../../../src/cli/output.ts'
import { runCommandLine } from '../../support/command-line.ts'

// Starts many processes, on a machine that may be slow.
vi.setConfig({ testTimeout: 60_000 })

const commands = createProgram().commands.map((command) => command.name())
const script = async (shell: string) => {
  const { stdout, exitCode } = await runCommandLine(['completion', shell], { cwd: process.cwd() })
  expect(exitCode).toBe(0)
  return stdout
}

/** What bash offers after these words, the last of which is being typed. */
function complete(completion: string, words: readonly string[]): string[] {
  const body = `${completion}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _testbed; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, status, stderr } = spawnSync('bash', ['-c', body, 'bash', ...words], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout.split('\n').filter((line) => line !== '')
}

test('bash completes commands, and the options of each', async () => {
  const completion = await script('bash')
  expect(complete(completion, ['testbed', 'r'])).toEqual(
    expect.arrayContaining(['rebuild', 'run', 'resume', 'report']),
  )
  expect(complete(completion, ['testbed', 'stat'])).toContain('status')
  expect(complete(completion, ['testbed', 'run', '--re'])).toEqual(['--repetitions'])
  expect(complete(completion, ['testbed', 'status', '--j'])).toEqual(['--json'])
})

test.each(['bash', 'zsh', 'fish'])('%s knows every command', async (shell) => {
  const completion = await script(shell)
  expect(commands.filter((name) => !completion.includes(name))).toEqual([])
})

test('another shell is the mistake of whoever asked', async () => {
  const result = await runCommandLine(['completion', 'tcsh'], { cwd: process.cwd() })
  expect(result).toMatchObject({ exitCode: 2, stdout: '' })
  expect(result.stderr).toBe('✗ no completion for tcsh\n  hint  there is one for bash, zsh and fish\n')
})

test('columns are as wide as their widest cell, without blanks at the end', () => {
  expect(columns([['a', 'b', ''], ['long', 'x', 'y'], ['z']])).toBe('a     b\nlong  x  y\nz')
  expect(columns([])).toBe('')
})
