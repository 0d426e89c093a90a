import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'

/** The first `length` hexadecimal digits of the SHA-256 of `text`. */
export function digestOf(text: string, length = 12): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length)
}

/** A digest of the names, modes and contents of every file below the given folders that `counts` (by relative path). */
export async function digestOfFolders(
  folders: readonly string[],
  counts: (path: string) => boolean = () => true,
): Promise<string> {
  const hash = createHash('sha256')
  for (const folder of folders) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    for (const file of files.sort()) {
      if (!counts(relative(folder, file))) continue
      const executable = ((await stat(file)).mode & 0o100) !== 0
      hash
        .update(`${relative(folder, file)}\0${executable}\0`)
        .update(await readFile(file))
        .update('\0')
    }
  }
  return hash.digest('hex').slice(0, 12)
}
