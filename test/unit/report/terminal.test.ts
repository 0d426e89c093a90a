import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { renderMarkdown } from '../../../src/report/markdown.ts'
import { cell, column, type Table } from '../../../src/report/table.ts'
import { renderTerminal } from '../../../src/report/terminal.ts'

const table: Table = {
  columns: [
    column('name', { names: true }),
    column('state', { separator: ' · ' }),
    column('total\ntime', { align: 'right' }),
  ],
  rows: [
    [cell('a'), cell(['memory 1', 'files 1'], 'good'), cell(['1.0 s', '[1, 2]'])],
    [cell('b'), cell('–', 'quiet'), cell('20.0 s', 'bad')],
  ],
}
const sections = [
  { title: 'Advice', items: ['measure | more `often` with *care* and my_name, __init__ [x](y)'] },
]

test('aligns columns and stacks the lines of a cell', () => {
  expect(renderTerminal(table, [], { width: 80, colour: false })).toBe(
    [
      '                 total',
      'name  state       time',
      '──────────────────────',
      'a     memory 1   1.0 s',
      '      files 1   [1, 2]',
      '',
      'b     –         20.0 s',
      '',
    ].join('\n'),
  )
})

test('breaks a table that is too wide, and repeats the names of rows', () => {
  const text = renderTerminal(table, sections, { width: 21, colour: false })
  expect(text.split('\n').map((line) => line.split(/\s+/)[0])).toEqual([
    'name',
    '──────────────',
    'a',
    '',
    '',
    'b',
    '',
    '',
    'name',
    '────────────',
    'a',
    '',
    '',
    'b',
    '',
    'Advice',
    '',
    '',
    '',
    '',
    '',
    '',
  ])
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(21)
})

test('colour changes nothing but colour', () => {
  const plain = renderTerminal(table, sections, { width: 80, colour: false })
  const coloured = renderTerminal(table, sections, { width: 80, colour: true })
  expect(coloured).toContain('\u001B[32mmemory 1\u001B[39m')
  expect(coloured).toContain('\u001B[31m20.0 s\u001B[39m')
  expect(stripVTControlCharacters(coloured)).toBe(plain)
})

test('in Markdown, lines stand beside one another and text stays text', () => {
  const text = renderMarkdown('Run', table, sections)
  expect(text).toContain('| a    | memory 1 · files 1 | 1.0 s [1, 2] |')
  expect(text).toContain('measure \\| more \\`often\\` with \\*care\\* and my_name, \\__init_\\_ [x\\](y)')
})
