import { type FileHandle, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf, TestbedError } from '../core/errors.ts'
import { hasCode, isObject } from './guards.ts'
import { type TrialRecord, verdicts } from './record.ts'

/**
 * Appends one record as one line and returns once it is on the disk. What a crash left of an earlier append is cut
 * off first. One writer at a time: the run's lock sees to it.
 */
export async function appendRecord(file: string, record: TrialRecord): Promise<void> {
  const handle = await open(file, 'a+')
  try {
    const { size } = await handle.stat()
    const separator = await mendTail(handle, size)
    await handle.appendFile(`${separator}${JSON.stringify(record)}\n`)
    await handle.sync()
    // A new file survives a power cut only when its name in the folder does.
    if (size === 0) await syncFolder(dirname(file))
  } finally {
    await handle.close()
  }
}

/**
 * All records in the order they were written, every attempt; none when there is no such file yet. A last line without
 * its newline that is not whole is what a crash leaves: it is not read. Anything else unreadable throws a
 * TestbedError that names file:line.
 */
export async function readRecords(file: string): Promise<TrialRecord[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return ''
    throw error
  })
  const lines = text.split('\n')
  // After the last newline: empty, or what a crash left.
  const tail = lines.pop() ?? ''
  if (isWhole(tail)) lines.push(tail)
  return lines.map((line, i) => parseRecord(line, `${file}:${i + 1}`))
}

/** The last attempt of each planned trial, in the order of the plan. */
export function finalRecords(records: readonly TrialRecord[]): TrialRecord[] {
  const latest = new Map<number, TrialRecord>()
  for (const record of records) {
    const known = latest.get(record.index)
    if (known === undefined || record.attempt >= known.attempt) latest.set(record.index, record)
  }
  return [...latest.values()].sort((a, b) => a.index - b.index)
}

/** Returns what must precede the next line. Bytes, not characters: a cut may fall inside a character. */
async function mendTail(handle: FileHandle, size: number): Promise<'' | '\n'> {
  if (size === 0) return ''
  const last = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  if (last.buffer[0] === newline) return ''
  const content = await handle.readFile()
  const tailStart = content.lastIndexOf(newline) + 1
  if (isWhole(content.toString('utf8', tailStart))) return '\n'
  await handle.truncate(tailStart)
  return ''
}

const newline = 0x0a

/** No proper beginning of a JSON object is JSON itself, so what parses was written whole. */
function isWhole(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function parseRecord(line: string, where: string): TrialRecord {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new TestbedError('configuration', 'a trial record is damaged', {
      where,
      why: [messageOf(error)],
      hint: 'remove or restore this line; a removed trial is run again by `testbed resume`',
    })
  }
  const problem = problemOf(value)
  if (problem !== undefined) {
    throw new TestbedError('configuration', 'not a trial record', {
      where,
      why: [problem],
      hint: 'schemas/trial.schema.json describes a line of trials.jsonl',
    })
  }
  return value as TrialRecord
}

/** Checks what the tables are made of, so that a foreign file is refused here and not met half-way through a report. */
function problemOf(value: unknown): string | undefined {
  if (!isObject(value)) return 'it is not an object'
  if (value.version !== 1) return `its version is ${JSON.stringify(value.version)}, known is 1`
  for (const name of ['id', 'toolchain', 'workload'] as const) {
    if (typeof value[name] !== 'string') return `${name} is not a string`
  }
  for (const name of ['index', 'block', 'attempt'] as const) {
    if (!Number.isSafeInteger(value[name])) return `${name} is not a whole number`
  }
  for (const name of ['factors', 'state', 'metrics'] as const) {
    if (!isObject(value[name])) return `${name} is not an object`
  }
  if (!Array.isArray(value.warnings)) return 'warnings is not a list'
  if (isObject(value.state) && !Array.isArray(value.state.findings)) return 'state.findings is not a list'
  if (!verdicts.some((verdict) => verdict === value.verdict)) {
    return `verdict is ${JSON.stringify(value.verdict)}, known are ${verdicts.join(', ')}`
  }
  const metrics = isObject(value.metrics) ? Object.entries(value.metrics) : []
  const wrong = metrics.find(([, metric]) => !Number.isFinite(metric))
  return wrong === undefined ? undefined : `metrics.${wrong[0]} is not a number`
}
