import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { endpointsOf, jumpsOf, parseSettings } from '../../../src/providers/ssh/endpoint.ts'
import { parseKnown } from '../../../src/providers/ssh/known-hosts.ts'

const never = new AbortController().signal
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ssh-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function ask(config: string, query: Omit<Parameters<typeof endpointsOf>[0], 'configFile'>) {
  const configFile = join(folder, 'config')
  await writeFile(configFile, config)
  return await endpointsOf({ ...query, configFile }, never)
}

test('jump hosts as ssh -J takes them', () => {
  expect(jumpsOf('a,admin@b:2222,[::1]:22').map(({ query }) => query)).toEqual([
    { address: 'a' },
    { address: 'b', user: 'admin', port: 2222 },
    { address: '::1', port: 22 },
  ])
  expect(jumpsOf('none')).toEqual([])
  expect(jumpsOf(undefined)).toEqual([])
  expect(() => jumpsOf('a,,b')).toThrow('"" is no jump host')
})

test('settings that come several times are all kept', () => {
  const settings = parseSettings('user ubuntu\nidentityfile ~/a\nidentityfile ~/b\n')
  expect(settings.get('identityfile')).toEqual(['~/a', '~/b'])
})

test('known_hosts: comments, certificate authorities and marks', () => {
  const text =
    '# Host a found: line 1\na ssh-ed25519 AAAA\n|1|x=|y= ssh-rsa BBBB comment\n@revoked a ssh-rsa CCCC\n@cert-authority * ssh-rsa DDDD\n'
  expect(parseKnown(text)).toEqual([
    { key: 'ssh-ed25519 AAAA' },
    { key: 'ssh-rsa BBBB' },
    { marker: '@revoked', key: 'ssh-rsa CCCC' },
  ])
})

/** Asks the OpenSSH client of this machine, which touches no network for it. */
describe('what OpenSSH’s configuration means', () => {
  test('an alias, its user, port, key and jump hosts', async () => {
    await writeFile(join(folder, 'key'), '')
    const config = `
Host lab-*
  User ubuntu
  Port 2222
  IdentityFile ${folder}/key
  UserKnownHostsFile ${folder}/known
Host lab-1
  HostName 192.0.2.1
  ProxyJump outer,admin@inner:2022
Host outer
  HostName outer.example.org
  User me
`
    const [outer, inner, machine] = await ask(config, { address: 'lab-1' })
    expect(outer).toMatchObject({
      host: 'outer.example.org',
      port: 22,
      user: 'me',
      knownAs: 'outer.example.org',
    })
    expect(inner).toMatchObject({ host: 'inner', port: 2022, user: 'admin', knownAs: '[inner]:2022' })
    expect(machine).toMatchObject({ host: '192.0.2.1', port: 2222, user: 'ubuntu', strict: false })
    expect(machine?.privateKeys).toEqual([join(folder, 'key')])
    expect(machine?.knownHostsFiles).toContain(join(folder, 'known'))
  })

  test('the testbed’s file wins', async () => {
    const config = 'Host a\n  User x\n  ProxyJump b\n  StrictHostKeyChecking yes\n'
    const endpoints = await ask(config, { address: 'a', user: 'root', port: 23, jump: 'none' })
    expect(endpoints).toHaveLength(1)
    expect(endpoints[0]).toMatchObject({ user: 'root', port: 23, knownAs: '[a]:23', strict: true })
  })

  test('a jump that leads back to itself, and ProxyCommand', async () => {
    await expect(ask('Host a b\n  ProxyJump a,b\n', { address: 'a' })).rejects.toMatchObject({
      kind: 'configuration',
    })
    await expect(ask('Host a\n  ProxyCommand nc %h %p\n', { address: 'a' })).rejects.toThrow(
      'ProxyCommand is not supported',
    )
  })
})
