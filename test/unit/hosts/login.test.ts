import { expect, test } from 'vitest'
import { hostKeyOf, isPinnedKey } from '../../../src/hosts/keys.ts'
import { elevated } from '../../../src/hosts/sudo.ts'

test('a key that a server shows is written as known_hosts have it', () => {
  const text = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO8Qk8dQ1oL2x1kQ5a0lF3zqXy2mF0mS6eJ9o0Zq7d3T'
  const key = Buffer.from(text.split(' ')[1] ?? '', 'base64')
  expect(hostKeyOf(key)).toBe(text)
  expect(isPinnedKey(text, key)).toBe(true)
})

test('sudo clears the environment, so what a command gets is set behind it', () => {
  expect(elevated({ argv: ['docker', 'ps'], env: { A: '1 2' } }, 'MARK=x').argv).toEqual([
    'sudo',
    '-n',
    '--',
    'env',
    'MARK=x',
    'A=1 2',
    'docker',
    'ps',
  ])
})
