import { parseByteRate, parseDuration, parseRate, parseSize } from '../core/units.ts'
import { checkAmount, type Loaded, loadDocument, type Report, type Rule, valid } from './document.ts'
import type { AxisDocument, AxisName, CellDocument, ExperimentDocument } from './documents.ts'
import { checkLink, type LinkAmount, linkAmounts, resolveLink } from './link.ts'
import { configurationFile, projectFolders } from './paths.ts'
import { unknownName } from './problems.ts'
import type { Factors, ResolvedExperiment } from './resolved.ts'
import type { Pointer } from './yaml-document.ts'

/** Names that the axes may hold. */
export interface KnownNames {
  readonly toolchains: readonly string[]
  readonly workloads: readonly string[]
}

/** Axes whose values are amounts. */
const amounts: { readonly [Name in AxisName]?: LinkAmount } = {
  stateSize: { parse: parseSize, range: ['1B', '1024GiB'] },
  dirtyRate: { parse: parseByteRate, range: ['0B/s', '10GiB/s'] },
  probeRate: { parse: parseRate, range: ['1/s', '10000/s'] },
  ...linkAmounts,
}

/** Timers hold 24.8 days; nobody waits for a day. */
const longest = '24h'
/** Above it a plan is a mistake, and too much to multiply out. */
const mostCells = 10_000

/**
 * Loads an experiment by bare name (a file of experiments/) or by path.
 * Throws one configuration error with everything that is wrong in the file.
 */
export async function loadExperiment(
  argument: string,
  known: KnownNames,
): Promise<Loaded<ResolvedExperiment>> {
  const file = configurationFile(argument, projectFolders.experiments)
  const { content, fault } = await loadDocument(file, 'experiment', rulesFor(known))
  return { value: resolve(content, file), fault }
}

function rulesFor(known: KnownNames): readonly Rule<ExperimentDocument>[] {
  return [
    { reads: ['axes'], check: ({ axes }, report) => checkAxes(axes, known, report) },
    { reads: ['include'], check: ({ include }, report) => checkCells('include', include, known, report) },
    { reads: ['exclude'], check: ({ exclude }, report) => checkCells('exclude', exclude, known, report) },
    { reads: ['axes', 'include', 'exclude'], check: checkMatrix },
    {
      reads: ['windows'],
      check: ({ windows }, report) => {
        checkAmount(report, ['windows', 'warmUp'], windows.warmUp, parseDuration, ['0s', longest])
        checkAmount(report, ['windows', 'baseline'], windows.baseline, parseDuration, ['1ms', longest])
        checkAmount(report, ['windows', 'settle'], windows.settle, parseDuration, ['1ms', longest])
      },
    },
    {
      reads: ['deadline'],
      check: ({ deadline }, report) => {
        if (deadline !== undefined)
          checkAmount(report, ['deadline'], deadline, parseDuration, ['1s', longest])
      },
    },
    { reads: ['link'], check: ({ link }, report) => checkLink(link, report) },
    {
      reads: ['probe'],
      check: ({ probe }, report) => {
        if (probe.rate !== undefined)
          checkAmount(report, ['probe', 'rate'], probe.rate, parseRate, ['1/s', '10000/s'])
        checkAmount(report, ['probe', 'timeout'], probe.timeout, parseDuration, ['1ms', longest])
      },
    },
  ]
}

function checkAxes(axes: ExperimentDocument['axes'], known: KnownNames, report: Report): void {
  for (const [name, axis] of axesOf(axes)) {
    const values = valuesOf(axis)
    const pointers = values.map((_, index) =>
      typeof axis === 'string' ? ['axes', name] : ['axes', name, index],
    )
    for (const [index, value] of values.entries())
      checkFactor(name, value, pointers[index] ?? [], known, report)
    // The schema sees the same text twice; 64MiB and 65536KiB are the same value, too.
    const amounts = values.map((value) => amountOf(name, value))
    for (const [index, amount] of amounts.entries()) {
      const first = amounts.indexOf(amount)
      if (amount !== undefined && first < index && values[first] !== values[index]) {
        report(pointers[index] ?? [], `${values[index]} is the same as ${values[first]}`)
      }
    }
  }
}

function checkCells(
  key: 'include' | 'exclude',
  cells: readonly CellDocument[],
  known: KnownNames,
  report: Report,
): void {
  for (const [index, cell] of cells.entries()) {
    for (const [name, value] of axesOf(cell)) checkFactor(name, value, [key, index, name], known, report)
  }
}

function checkFactor(
  name: AxisName,
  value: string,
  pointer: Pointer,
  known: KnownNames,
  report: Report,
): void {
  const amount = amounts[name]
  if (amount !== undefined) {
    checkAmount(report, pointer, value, amount.parse, amount.range)
    return
  }
  if (name !== 'toolchain' && name !== 'workload') return // the schema names the few that there are
  const names = name === 'toolchain' ? known.toolchains : known.workloads
  if (!names.includes(value)) report(pointer, `unknown ${name} "${value}"`, unknownName(value, names))
}

/** Undefined for names, and for what is told to be wrong elsewhere. */
function amountOf(name: AxisName, value: string): number | undefined {
  const parse = amounts[name]?.parse
  return parse === undefined ? undefined : valid(() => parse(value))
}

function checkMatrix({ axes, include, exclude }: ExperimentDocument, report: Report): void {
  const lists = axesOf(axes).map(([name, axis]) => [name, valuesOf(axis)] as const)
  const count = lists.reduce((product, [, values]) => product * values.length, 1)
  if (count > mostCells) {
    report(['axes'], `the axes make ${count} cells: ${mostCells} at most`)
    return
  }

  let cells: Factors[] = [{}]
  for (const [name, values] of lists) {
    cells = cells.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value })))
  }
  const left = cells.filter((cell) => !exclude.some((part) => covers(part, cell)))
  if (left.length === 0 && include.length === 0) {
    report(['exclude'], 'every cell is excluded: nothing is left to measure')
  }
  const taken = new Set(left.map(identity))
  for (const [index, cell] of include.entries()) {
    const excluded = exclude.findIndex((part) => covers(part, cell))
    if (excluded >= 0) report(['include', index], `exclude[${excluded}] leaves this cell out again`)
    if (taken.has(identity(cell))) report(['include', index], 'this cell is already among the others')
    taken.add(identity(cell))
  }
}

function covers(part: Factors, cell: Factors): boolean {
  return Object.entries(part).every(([name, value]) => cell[name] === value)
}

function identity(cell: Factors): string {
  return JSON.stringify(Object.entries(cell).sort())
}

function valuesOf(axis: AxisDocument): readonly string[] {
  return typeof axis === 'string' ? [axis] : axis
}

/** In the file's order. The schema lets no other key in. */
function axesOf<Value extends AxisDocument>(
  holder: { readonly [Name in AxisName]?: Value },
): [AxisName, Value][] {
  return Object.entries(holder) as [AxisName, Value][]
}

function resolve(document: ExperimentDocument, file: string): ResolvedExperiment {
  const { name, description, axes, include, exclude, repetitions, seed, windows, deadline, probe, link } =
    document
  return {
    name,
    ...(description === undefined ? {} : { description }),
    file,
    axes: axesOf(axes).map(([axis, values]) => ({ name: axis, values: valuesOf(values) })),
    include,
    exclude,
    repetitions,
    ...(seed === undefined ? {} : { seed }),
    windows: {
      warmUpMs: parseDuration(windows.warmUp),
      baselineMs: parseDuration(windows.baseline),
      settleMs: parseDuration(windows.settle),
    },
    ...(deadline === undefined ? {} : { deadlineMs: parseDuration(deadline) }),
    probe: {
      ...(probe.rate === undefined ? {} : { ratePerSecond: parseRate(probe.rate) }),
      timeoutMs: parseDuration(probe.timeout),
    },
    ...(link === undefined ? {} : { link: resolveLink(link) }),
  }
}
