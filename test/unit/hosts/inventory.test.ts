import { expect, test } from 'vitest'
import { compareInventories, parseInventory } from '../../../src/hosts/inventory.ts'

const text =
  'container\tcounter 12ab\nmount\t/proc\nmount\t/proc\nprocess\tdockerd\nrule\ttable ip nat {\n\nwarning without a tab\n'

test('items are counted by kind and name', () => {
  expect(parseInventory(text)).toEqual(
    new Map([
      ['container counter 12ab', 1],
      ['mount /proc', 2],
      ['process dockerd', 1],
      ['rule table ip nat {', 1],
    ]),
  )
  expect(parseInventory('')).toEqual(new Map())
})

test('what came and what went is told, a sentence each', () => {
  const before = parseInventory(text)
  expect(compareInventories(before, parseInventory(text))).toEqual([])
  const now = parseInventory(
    'mount\t/proc\nprocess\tdockerd\nprocess\tcriu\nprocess\tcriu\nrule\ttable ip nat {\n',
  )
  expect(compareInventories(before, now)).toEqual([
    'gone: container counter 12ab',
    'gone: mount /proc',
    'left behind: process criu (2 times)',
  ])
  expect(compareInventories(now, before)).toEqual([
    'left behind: mount /proc',
    'gone: process criu',
    'left behind: container counter 12ab',
  ])
})
