import { describe, expect, test } from 'vitest'
import { nearest } from '../../../src/config/nearest.ts'
import { type Problem, problemsError, shortList, unknownName } from '../../../src/config/problems.ts'
import { formatError } from '../../../src/core/errors.ts'

const show = (lines: readonly string[], ...problems: readonly Problem[]): string[] =>
  formatError(problemsError({ shown: 'a.yaml', lines }, problems)).split('\n')

describe('an error', () => {
  test('of several problems keeps the order of the lines', () => {
    const lines = show(
      ['one', 'two'],
      { line: 2, column: 2, message: 'second', hint: 'mend it' },
      { line: 1, column: 3, message: 'first', allowed: ['a', 'b'] },
    )
    expect(lines).toEqual([
      '✗ a.yaml:1:3: first (first of 2 problems)',
      '    1 │ one',
      '      │   ^',
      '      allowed  a, b',
      '    a.yaml:2:2: second',
      '    2 │ two',
      '      │  ^',
      '      hint     mend it',
    ])
  })

  test('shows twenty problems and counts the others', () => {
    const problems = Array.from({ length: 23 }, (_, index) => ({
      line: index + 1,
      column: 1,
      message: `m${index}`,
    }))
    const text = show([], ...problems).join('\n')
    expect(text).toContain('m19')
    expect(text).not.toContain('m20')
    expect(text).toContain('… and 3 more')
  })

  test('cuts a long line around the column', () => {
    const [, line = '', caret = ''] = show([`${'x'.repeat(500)}Y${'z'.repeat(500)}`], {
      line: 1,
      column: 501,
      message: 'm',
    })
    expect(line.length).toBeLessThan(120)
    expect(line[caret.indexOf('^')]).toBe('Y')
  })

  test('lets no control character through', () => {
    const text = show(['\ta: \u001b[31m\u202e'], { line: 1, column: 2, message: 'bad \u001b[2J' }).join('\n')
    expect(text).toContain('1 │ →a: ·[31m·')
    expect(text).toContain('bad ·[2J')
  })

  test('beyond the last line shows an empty one', () => {
    expect(show(['a'], { line: 2, column: 1, message: 'm' })).toEqual([
      '✗ a.yaml:2:1: m',
      '    2 │',
      '      │ ^',
    ])
  })
})

describe('the nearest name', () => {
  const names = ['docker-commit', 'docker-checkpoint', 'redis', 'auto']
  test.each([
    ['docker-comit', 'docker-commit'],
    ['Docker-Checkpoint', 'docker-checkpoint'],
    ['reids', 'redis'],
    ['docker-check', 'docker-checkpoint'],
    ['atuo', 'auto'],
    ['kubernetes', undefined],
    ['x', undefined],
    ['', undefined],
    ['r'.repeat(10_000), undefined],
  ])('of %.20s is %s', (word, expected) => {
    expect(nearest(word, names)).toBe(expected)
  })

  test('is a hint only when there is one', () => {
    expect(unknownName('kubernetes', names)).toEqual({ allowed: names })
    expect(unknownName('reds', names).hint).toBe('did you mean "redis"?')
  })

  test('long lists are cut', () => {
    expect(shortList(Array.from({ length: 24 }, (_, index) => `n${index}`))).toMatch(/n19 … and 4 more$/)
    expect(shortList([])).toBe('(none)')
  })
})
