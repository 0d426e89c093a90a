import { randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import writeFileAtomic from 'write-file-atomic'
import { TestbedError } from '../core/errors.ts'

/** An OpenSSH key pair on disk: `path` holds the private half (0600), `path`.pub the public one. */
export interface KeyPair {
  readonly path: string
  readonly privateKey: string
  /** `ssh-ed25519 AAAA…`, no newline. */
  readonly publicKey: string
}

/**
 * Reads the key pair `name` in `folder` (0700), and makes it at the first call. Whoever asks, and however many at once, gets the
 * same pair: the private half takes its name only once, whole, and the public half follows from it.
 */
export async function ensureKeyPair(folder: string, name: string): Promise<KeyPair> {
  const path = join(folder, name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const standing = await readFile(path, 'utf8').catch(absent)
  if (standing !== undefined) return pairOf(path, name, standing)
  const draft = `${path}.${randomUUID()}`
  const made = makePrivateKey(`migration-testbed ${name}`)
  try {
    await writeFile(draft, made, { mode: 0o600 })
    await link(draft, path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    })
  } finally {
    await rm(draft, { force: true })
  }
  const pair = pairOf(path, name, await readFile(path, 'utf8'))
  await writeFileAtomic(`${path}.pub`, `${pair.publicKey}\n`, { mode: 0o644 })
  return pair
}

/** One key in 256 that ssh2 1.17 makes begins with a zero that it drops: nobody can read such a key. */
export function makePrivateKey(comment: string): string {
  for (;;) {
    const made = ssh2.utils.generateKeyPairSync('ed25519', { comment }).private
    if (!(ssh2.utils.parseKey(made) instanceof Error)) return made
  }
}

function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}

function pairOf(path: string, name: string, privateKey: string): KeyPair {
  const key = ssh2.utils.parseKey(privateKey)
  if (key instanceof Error) {
    throw new TestbedError('testbed', `${path} is no private key`, {
      cause: key,
      hint: 'testbed down removes the keys, and the next up makes new ones',
    })
  }
  const publicKey = `${key.type} ${key.getPublicSSH().toString('base64')} migration-testbed ${name}`
  return { path, privateKey, publicKey }
}

/** True when `key` (the raw bytes a server shows) is the pinned `publicKey` (`ssh-ed25519 AAAA…`). */
export function isPinnedKey(publicKey: string, key: Uint8Array): boolean {
  const pinned = publicKey.split(' ')[1]
  return pinned !== undefined && Buffer.from(pinned, 'base64').equals(key)
}

/** The raw bytes that a server shows as `ssh-ed25519 AAAA…`; they begin with the name of their type (RFC 4253, 6.6). */
export function hostKeyOf(key: Buffer): string {
  const type = key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1')
  return `${type} ${key.toString('base64')}`
}
