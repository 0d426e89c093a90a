import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { messageOf, TestbedError } from '../core/errors.ts'
import { formatSize, humanSize } from '../core/units.ts'
import { nearest } from './nearest.ts'
import { displayPath } from './paths.ts'
import { type ProblemFile, shortList } from './problems.ts'

/** Far above what a person writes, and little enough to parse at once. */
const largestFileBytes = 1024 * 1024

export interface Source extends ProblemFile {
  readonly file: string
  readonly text: string
}

/** Reads a configuration file. Throws a configuration error when it is missing, no file, too large or not text. */
export async function readSource(file: string): Promise<Source> {
  const shown = displayPath(file)
  const fail = (message: string, cause?: unknown): TestbedError =>
    new TestbedError('configuration', message, { where: shown, cause })
  try {
    const status = await stat(file)
    if (!status.isFile()) throw fail('is not a file')
    if (status.size > largestFileBytes) {
      throw fail(
        `has ${humanSize(status.size)}; a configuration file has at most ${formatSize(largestFileBytes)}`,
      )
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
    return { file, shown, text, lines: text.split(/\r?\n/) }
  } catch (error) {
    if (error instanceof TestbedError) throw error
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) throw await missingFile(file, shown)
    if (hasCode(error, 'ERR_ENCODING_INVALID_ENCODED_DATA')) throw fail('is not UTF-8 text', error)
    throw fail(`cannot be read: ${messageOf(error)}`, error)
  }
}

/** Names what there is in the nearest folder that exists, and what was probably meant. */
async function missingFile(file: string, shown: string): Promise<TestbedError> {
  let missing = file
  let names = await namesIn(path.dirname(missing), 'files')
  while (names === undefined && path.dirname(missing) !== missing) {
    missing = path.dirname(missing)
    names = await namesIn(path.dirname(missing), 'folders')
  }
  const folder = path.dirname(missing)
  const meant = nearest(path.basename(missing), names ?? [])
  return new TestbedError('configuration', 'no such file', {
    where: shown,
    why: [`${path.join(displayPath(folder), '/')} has: ${shortList(names ?? [])}`],
    ...(meant === undefined ? {} : { hint: `did you mean ${displayPath(path.join(folder, meant))}?` }),
  })
}

/** YAML files or folders of a folder, sorted; undefined when it cannot be listed. */
async function namesIn(folder: string, kind: 'files' | 'folders'): Promise<string[] | undefined> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined)
  return entries
    ?.filter((entry) => (kind === 'files' ? /\.ya?ml$/.test(entry.name) : entry.isDirectory()))
    .map((entry) => entry.name)
    .filter((name) => !name.startsWith('.'))
    .sort()
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
