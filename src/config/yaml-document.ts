import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
} from 'yaml'
import { messageOf } from '../core/errors.ts'
import { type Problem, problemsError, quote } from './problems.ts'
import type { Source } from './source.ts'

/** The way from the root of a document to a value: keys and list indices. */
export type Pointer = readonly (string | number)[]

export interface YamlDocument {
  readonly source: Source
  readonly value: unknown
  /** Where the value stands, or its key; of something absent: where the nearest thing around it stands. */
  locate(pointer: Pointer, at?: 'key' | 'value'): { readonly line: number; readonly column: number }
  has(pointer: Pointer): boolean
  /** A scalar as written in the file, without quotes. */
  textOf(pointer: Pointer): string | undefined
}

/** How often anchors may multiply: enough for reuse by hand, far too little for a bomb. */
const maxAliasCount = 20

/** Parses one YAML 1.2 document. Throws a configuration error that shows every syntax error. */
export function parseYaml(source: Source): YamlDocument {
  const lineCounter = new LineCounter()
  // Keys are checked here: `uniqueKeys` compares every pair, minutes for a megabyte of keys.
  const document = parseDocument(source.text, {
    lineCounter,
    prettyErrors: false,
    uniqueKeys: false,
    stringKeys: true,
  })
  const position = (offset: number): { line: number; column: number } => {
    const { line, col } = lineCounter.linePos(offset)
    return { line, column: col }
  }
  const refuse = (problems: readonly Problem[]): never => {
    throw problemsError(source, problems)
  }

  const syntax = syntaxProblems(document, position)
  if (syntax.length > 0) refuse(syntax)
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    refuse([{ line: 1, column: 1, message: 'the file is empty' }])
  }
  const repeated = repeatedKeys(document, position)
  if (repeated.length > 0) refuse(repeated)

  return {
    source,
    value: toValue(document, position, refuse),
    locate: (pointer, at = 'value') => position(offsetOf(document, pointer, at)),
    has: (pointer) => walk(document, pointer).found === pointer.length,
    textOf: (pointer) => {
      const { found, value: node } = walk(document, pointer)
      const value = isAlias(node) ? node.resolve(document) : node
      return found === pointer.length && isScalar(value) ? (value.source ?? String(value.value)) : undefined
    },
  }
}

type Position = (offset: number) => { readonly line: number; readonly column: number }

function syntaxProblems(document: Document.Parsed, position: Position): Problem[] {
  const problems = new Map<number, Problem>()
  for (const error of [...document.errors, ...document.warnings]) {
    const place = position(error.pos[0])
    if (error.code === 'RESOURCE_EXHAUSTION') return [{ ...place, message: 'nested too deeply' }]
    // One mistake often breaks several rules: the first of a line says enough.
    if (!problems.has(place.line))
      problems.set(place.line, { ...place, ...wording(error.code, error.message) })
  }
  return [...problems.values()]
}

function wording(code: string, message: string): { message: string; hint?: string } {
  switch (code) {
    case 'TAB_AS_INDENT':
      return { message: 'a tab indents this line', hint: 'YAML indents with spaces only: two a level' }
    case 'MULTIPLE_DOCS':
      return { message: 'a second document begins here', hint: 'keep one document a file' }
    case 'NON_STRING_KEY':
      return { message: 'a key must be text' }
    default:
      return { message: `not valid YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}` }
  }
}

function repeatedKeys(document: Document.Parsed, position: Position): Problem[] {
  const problems: Problem[] = []
  visit(document, {
    Map(_, map) {
      const offsets = new Map<string, number>()
      for (const { key } of map.items) {
        const offset = startOf(key)
        const earlier = offsets.get(keyText(key))
        offsets.set(keyText(key), earlier ?? offset)
        if (earlier === undefined) continue
        const message = `key ${quote(keyText(key))} stands twice (first in line ${position(earlier).line})`
        problems.push({ ...position(offset), message })
      }
    },
  })
  return problems
}

function toValue(
  document: Document.Parsed,
  position: Position,
  refuse: (problems: Problem[]) => never,
): unknown {
  try {
    return document.toJS({ maxAliasCount })
  } catch (error) {
    const excessive = messageOf(error).startsWith('Excessive')
    const message = excessive
      ? `anchors are used too often: their content would stand here more than ${maxAliasCount} times`
      : 'an alias without an anchor before it'
    const anchors = new Set<string>()
    let offset = 0
    visit(document, {
      Node: (_, node) => {
        if (!isAlias(node)) {
          if (node.anchor !== undefined) anchors.add(node.anchor)
          return undefined
        }
        if (!excessive && anchors.has(node.source)) return undefined
        offset = startOf(node)
        return visit.BREAK
      },
    })
    return refuse([{ ...position(offset), message }])
  }
}

interface Walk {
  /** How much of the pointer is in the document. */
  readonly found: number
  readonly key: unknown
  readonly value: unknown
}

function walk(document: Document.Parsed, pointer: Pointer): Walk {
  let at: Walk = { found: 0, key: undefined, value: document.contents }
  for (const segment of pointer) {
    const holder = isAlias(at.value) ? at.value.resolve(document) : at.value
    if (isMap(holder)) {
      const pair = holder.items.find(({ key }) => keyText(key) === String(segment))
      if (pair === undefined) break
      at = { found: at.found + 1, key: pair.key, value: pair.value }
    } else if (isSeq(holder)) {
      const item = holder.items[Number(segment)]
      if (item === undefined) break
      at = { found: at.found + 1, key: undefined, value: item }
    } else break
  }
  return at
}

function offsetOf(document: Document.Parsed, pointer: Pointer, part: 'key' | 'value'): number {
  const { found, key, value } = walk(document, pointer)
  const scalar = isAlias(value) || (isScalar(value) && value.source !== '')
  // A list or map begins below its key, and nothing at all stands nowhere: their key is what people look for.
  const node = part === 'value' && found === pointer.length && scalar ? value : (key ?? value)
  return startOf(node)
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key)
}
