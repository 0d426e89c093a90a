import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../src/config/paths.ts'

/** From top to bottom, as docs and design have it: a folder imports from itself and from lower rows only. */
const layers = [
  ['cli'],
  ['experiments'],
  ['testbed', 'report'],
  ['toolchains'],
  ['volumes', 'workloads', 'probes', 'provision', 'providers', 'results', 'diagnose'],
  ['transfer', 'hosts', 'config'],
  ['core'],
]
/** Files that may start processes: everything else asks core/process.ts. The probing process has an IPC channel. */
const spawners = ['core/process.ts', 'probes/session.ts']
/** What has to be punctual to less than the millisecond of an event loop, and what runs in its threads. */
const threaded = ['metronome.ts', 'metronome-thread.ts', 'stall-watch.ts', 'stall-thread.ts'].map(
  (file) => `probes/${file}`,
)
/** Types that a neighbour in the same row may name: `import type` and nothing else. */
const sharedTypes: Readonly<Record<string, readonly string[]>> = {
  hosts: ['config/resolved.ts'],
  transfer: ['hosts/host.ts'],
}
const largestFileLines = 350

interface Source {
  /** Below `src/`. */
  readonly file: string
  readonly folder: string
  readonly text: string
  /** What it imports, statically or not, as types or not. */
  readonly imports: readonly string[]
  readonly typeImports: readonly string[]
}

const root = path.join(packageRoot, 'src')
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file): Source => {
    const text = readFileSync(path.join(root, file), 'utf8')
    return {
      file,
      folder: file.split('/')[0] ?? '',
      text,
      imports: importsOf(text),
      typeImports: typeImportsOf(text),
    }
  })

/** Specifiers of `import … from`, `export … from`, `import '…'`, `import('…')` and `typeof import('…')`. */
function importsOf(text: string): string[] {
  const pattern = /(?:\bfrom\s*|^\s*import\s*|\bimport\s*\(\s*)['"]([^'"]+)['"]/gm
  return [...text.matchAll(pattern)].flatMap(([, specifier]) => specifier ?? [])
}

/** Those of `import type … from` and `export type … from`. */
function typeImportsOf(text: string): string[] {
  const pattern = /^(?:import|export) type [^'"]*\bfrom ['"]([^'"]+)['"]/gm
  return [...text.matchAll(pattern)].flatMap(([, specifier]) => specifier ?? [])
}

const rowOf = (folder: string) => layers.findIndex((row) => row.includes(folder))

/** The imported file below `src/`; undefined when it is a package. */
function targetOf(source: Source, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return path.relative(root, path.resolve(root, path.dirname(source.file), specifier))
}

function mayImport(source: Source, target: string, typesOnly: boolean): boolean {
  const folder = target.split('/')[0] ?? ''
  if (folder === source.folder || rowOf(folder) > rowOf(source.folder)) return true
  return typesOnly && (sharedTypes[source.folder] ?? []).includes(target)
}

test('the parser sees every way to import', () => {
  const text = `import a from './a.ts'\nimport './b.ts'\nexport * from "./c.ts"\nawait import('./d.ts')\nimport {\n  type E,\n} from './e.ts'\n`
  expect(importsOf(text)).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts'])
  expect(typeImportsOf(`import type { A } from './a.ts'\nimport { type B } from './b.ts'\n`)).toEqual([
    './a.ts',
  ])
  expect(sources.length).toBeGreaterThan(100)
})

test('every folder of src has a place in the layers', () => {
  expect([...new Set(sources.map(({ folder }) => folder))].filter((folder) => rowOf(folder) < 0)).toEqual([])
})

test('a file imports from its own folder or from a layer below', () => {
  const wrong = sources.flatMap((source) =>
    source.imports.flatMap((specifier) => {
      const target = targetOf(source, specifier)
      if (target === undefined || mayImport(source, target, source.typeImports.includes(specifier))) return []
      return [`src/${source.file} imports ${specifier}`]
    }),
  )
  expect(wrong).toEqual([])
})

test('only core/process.ts and the probes start processes, and only the probes start threads', () => {
  const wrong = (modules: RegExp, allowed: readonly string[]) =>
    sources
      .filter(({ file, imports }) => !allowed.includes(file) && imports.some((one) => modules.test(one)))
      .map(({ file }) => file)
  expect(wrong(/^(execa|zx|cross-spawn|(node:)?(child_process|cluster))$/, spawners)).toEqual([])
  expect(wrong(/^(node:)?worker_threads$/, threaded)).toEqual([])
})

test(`no file has more than ${largestFileLines} lines, and most have fewer than 150`, () => {
  const lines = sources.map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 }))
  expect(lines.filter((one) => one.lines > largestFileLines)).toEqual([])
  expect(lines.filter((one) => one.lines > 150).length).toBeLessThan(lines.length / 4)
})

test('only the command line writes on stdout and stderr, and nobody on the console', () => {
  const says = (pattern: RegExp) => sources.filter(({ text }) => pattern.test(text))
  expect(says(/\bconsole\./).map(({ file }) => file)).toEqual([])
  const outside = says(/\bprocess\.(stdout|stderr)\.write\b/).filter(({ folder }) => folder !== 'cli')
  expect(outside.map(({ file }) => file)).toEqual([])
})
