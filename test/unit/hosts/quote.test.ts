import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { quoteArgument, quoteCommand } from '../../../src/hosts/quote.ts'

// Starts many processes, on a machine that may be slow.
vi.setConfig({ testTimeout: 60_000 })

/** Every text that an argument can hold: all but NUL, and no half of a surrogate pair, which UTF-8 cannot carry. */
const argument = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
  fc.string({
    unit: fc.constantFrom(
      "'",
      '"',
      '\\',
      '$',
      '`',
      '\n',
      ' ',
      '*',
      '~',
      '!',
      '#',
      '-',
      ';',
      '&',
      '(',
      'a',
      '=',
    ),
  }),
)

/** What a real shell makes of the command line. */
function readBack(line: string): string[] {
  const { stdout, status } = spawnSync('sh', ['-c', line], { encoding: 'utf8' })
  expect(status).toBe(0)
  return stdout.split('\0').slice(0, -1)
}

test('a shell reads every argument back unchanged', () => {
  fc.assert(
    fc.property(fc.array(argument, { minLength: 1, maxLength: 20 }), (args) => {
      expect(readBack(quoteCommand(['printf', '%s\\0', ...args]))).toEqual(args)
    }),
    { numRuns: 150 },
  )
})

test('a shell hands on every value of the environment unchanged', () => {
  fc.assert(
    fc.property(argument, (value) => {
      const argv = ['sh', '-c', 'printf "%s\\0" "$VALUE"']
      expect(readBack(quoteCommand(argv, { VALUE: value }))).toEqual([value])
    }),
    { numRuns: 50 },
  )
})

test('what is plain stays readable', () => {
  expect(quoteCommand(['docker', 'ps', '--format={{.ID}}', 'a b'])).toBe("docker ps '--format={{.ID}}' 'a b'")
  expect(quoteCommand(['true'], { PATH: '/usr/bin:/bin' })).toBe('env PATH=/usr/bin:/bin true')
  expect(quoteArgument('')).toBe("''")
  expect(quoteArgument("it's")).toBe("'it'\\''s'")
})
