import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import ssh2 from 'ssh2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureKeyPair, isPinnedKey, makePrivateKey } from '../../../src/hosts/keys.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keys-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('a key pair is made once, for its owner alone', async () => {
  const keys = path.join(folder, 'keys')
  const pair = await ensureKeyPair(keys, 'login')
  expect(pair.publicKey).toMatch(/^ssh-ed25519 [A-Za-z0-9+/=]+ migration-testbed login$/)
  expect(ssh2.utils.parseKey(pair.privateKey)).not.toBeInstanceOf(Error)
  expect((await stat(pair.path)).mode & 0o777).toBe(0o600)
  expect((await stat(keys)).mode & 0o777).toBe(0o700)
  expect(await readFile(`${pair.path}.pub`, 'utf8')).toBe(`${pair.publicKey}\n`)
  expect(await ensureKeyPair(keys, 'login')).toEqual(pair)
  expect((await ensureKeyPair(keys, 'host-a')).publicKey).not.toBe(pair.publicKey)
})

test('however many ask for it at once, all get the same pair', async () => {
  const keys = path.join(folder, 'at-once')
  const pairs = await Promise.all(Array.from({ length: 20 }, () => ensureKeyPair(keys, 'login')))
  expect(new Set(pairs.map(({ privateKey }) => privateKey)).size).toBe(1)
  expect(new Set(pairs.map(({ publicKey }) => publicKey)).size).toBe(1)
  expect(await readFile(path.join(keys, 'login'), 'utf8')).toBe(pairs[0]?.privateKey)
  expect((await readdir(keys)).toSorted()).toEqual(['login', 'login.pub'])
})

test('every key that is made can be read, the ones that begin with a zero too', () => {
  for (let n = 0; n < 1500; n += 1)
    expect(ssh2.utils.parseKey(makePrivateKey('migration-testbed host-a'))).not.toBeInstanceOf(Error)
})

test('only the pinned key is accepted, whatever its comment', async () => {
  const [a, b] = [await ensureKeyPair(folder, 'a'), await ensureKeyPair(folder, 'b')]
  const shownBy = (publicKey: string) => Buffer.from(publicKey.split(' ')[1] ?? '', 'base64')
  expect(isPinnedKey(a.publicKey, shownBy(a.publicKey))).toBe(true)
  expect(isPinnedKey(a.publicKey.replace(/ \S+ \S+$/, ' another'), shownBy(a.publicKey))).toBe(true)
  expect(isPinnedKey(a.publicKey, shownBy(b.publicKey))).toBe(false)
  expect(isPinnedKey(a.publicKey, shownBy(a.publicKey).subarray(1))).toBe(false)
  for (const nothing of ['', 'ssh-ed25519', ' '])
    expect(isPinnedKey(nothing, shownBy(a.publicKey))).toBe(false)
})
