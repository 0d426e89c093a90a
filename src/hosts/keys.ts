import { chmod, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import writeFileAtomic from 'write-file-atomic'

/** An OpenSSH key pair on disk: `path` holds the private half (0600), `path`.pub the public one. */
export interface KeyPair {
  readonly path: string
  readonly privateKey: string
  /** `ssh-ed25519 AAAA…`, no newline. */
  readonly publicKey: string
}

/** Reads the key pair `name` in `folder` (0700), and makes it at the first call. */
export async function ensureKeyPair(folder: string, name: string): Promise<KeyPair> {
  const path = join(folder, name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  try {
    const [privateKey, publicKey] = await Promise.all([
      readFile(path, 'utf8'),
      readFile(`${path}.pub`, 'utf8'),
    ])
    return { path, privateKey, publicKey: publicKey.trim() }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment: `migration-testbed ${name}` })
  await writeFileAtomic(path, pair.private, { mode: 0o600 })
  await writeFileAtomic(`${path}.pub`, `${pair.public}\n`, { mode: 0o644 })
  await chmod(path, 0o600)
  return { path, privateKey: pair.private, publicKey: pair.public.trim() }
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
