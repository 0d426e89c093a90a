import { appendFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { exists } from '../../core/exists.ts'
import { runLocal } from '../../core/process.ts'

export interface KnownKeys {
  /** `ssh-ed25519 AAAA…` */
  readonly keys: readonly string[]
  readonly revoked: readonly string[]
  /** Files that know something about the name. */
  readonly files: readonly string[]
}

/** What known_hosts files say about a name; ssh-keygen reads them, because names may be hashed. */
export async function knownKeys(name: string, files: readonly string[]): Promise<KnownKeys> {
  const found = await Promise.all(
    files.map(async (file) => {
      if (!(await exists(file))) return []
      const { stdout } = await runLocal(['ssh-keygen', '-F', name, '-f', file], { timeoutMs: 10_000 })
      return parseKnown(stdout).map((entry) => ({ ...entry, file }))
    }),
  )
  const entries = found.flat()
  return {
    keys: entries.filter(({ marker }) => marker === undefined).map(({ key }) => key),
    revoked: entries.filter(({ marker }) => marker === '@revoked').map(({ key }) => key),
    files: [...new Set(entries.map(({ file }) => file))],
  }
}

/** Lines of known_hosts; keys of certificate authorities are left out, because certificates are not checked here. */
export function parseKnown(text: string): { readonly marker?: '@revoked'; readonly key: string }[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    const marker = fields[0]?.startsWith('@') === true ? fields.shift() : undefined
    const [names, type, key] = fields
    if (names === undefined || names.startsWith('#') || type === undefined || key === undefined) return []
    if (marker === undefined) return [{ key: `${type} ${key}` }]
    return marker === '@revoked' ? [{ marker, key: `${type} ${key}` }] : []
  })
}

/** Remembers a key that was seen for the first time. */
export async function pinKey(file: string, name: string, key: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await appendFile(file, `${name} ${key}\n`, { mode: 0o600 })
}
