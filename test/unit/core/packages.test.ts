import { describe, expect, test } from 'vitest'
import { debianArchive, machinePackageSource, networkOptions } from '../../../src/core/packages.ts'

const target = (...columns: string[]) => columns.join('\t')

describe('debianArchive', () => {
  test('is the first archive of Debian itself', () => {
    const targets = [
      target('https://example.com/docker', 'Docker', 'Docker CE', 'bookworm'),
      target('http://mirror.example/debian-security/', 'Debian', 'Debian-Security', 'bookworm-security'),
      target('http://mirror.example/debian/', 'Debian', 'Debian', 'bookworm'),
      target('http://other.example/debian/', 'Debian', 'Debian', 'bookworm-updates'),
    ]
    expect(debianArchive(targets.join('\n'))).toBe('http://mirror.example/debian')
  })

  test('is never an archive of security updates, whatever tells it', () => {
    const targets = [
      target('http://mirror.example/debian-security/', 'Debian', 'Debian', 'trixie'),
      target('http://mirror.example/updates/', 'Debian', 'Debian', 'trixie-security'),
    ]
    expect(debianArchive(targets.join('\n'))).toBeUndefined()
  })

  test('is nothing on a machine of another distribution, or with installation discs only', () => {
    expect(
      debianArchive(target('http://mirror.example/ubuntu/', 'Ubuntu', 'Ubuntu', 'noble')),
    ).toBeUndefined()
    expect(debianArchive(target('cdrom://Debian/', 'Debian', 'Debian', 'trixie'))).toBeUndefined()
    expect(debianArchive('')).toBeUndefined()
  })
})

test('networkOptions keeps what decides whether the archive is reached', () => {
  const dump = [
    'Acquire "";',
    'Acquire::Check-Valid-Until "false";',
    'Acquire::Retries "3";',
    'Acquire::http::Proxy "http://proxy.example:3142";',
    'Acquire::https::Proxy "";',
    'Acquire::http::Proxy::mirror.example "DIRECT";',
    'Acquire::Languages:: "none";',
    'APT::Install-Recommends "0";',
  ]
  expect(networkOptions(dump.join('\n'))).toEqual([
    'Acquire::Check-Valid-Until "false"',
    'Acquire::Retries "3"',
    'Acquire::http::Proxy "http://proxy.example:3142"',
    'Acquire::http::Proxy::mirror.example "DIRECT"',
  ])
})

test('a mirror in the environment that is no address is a configuration error', async () => {
  await expect(machinePackageSource({ MIGRATION_TESTBED_MIRROR: 'mirror.example' })).rejects.toMatchObject({
    kind: 'configuration',
    message: expect.stringContaining('MIGRATION_TESTBED_MIRROR'),
  })
})
