import { expect, test } from 'vitest'
import { isNewEnough, newerQemu, parseVersion } from '../../../../src/providers/qemu/version.ts'
import { installArguments, missingPackages, suitesOf } from '../../../../src/providers/requirements.ts'

test.each([
  ['QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright', '10.0.2', true],
  ['QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)', '7.2.22', false],
  ['QEMU emulator version 9.2.0', '9.2.0', false],
  ['QEMU emulator version 11.1', '11.1', true],
])('%s', (text, version, enough) => {
  expect(parseVersion(text)).toBe(version)
  expect(isNewEnough(version)).toBe(enough)
})

test('text without a version has none', () => {
  expect(parseVersion('command not found')).toBeUndefined()
})

test('Debian 12 takes a newer one from backports where it emulates', () => {
  const { hint, packages } = newerQemu('bookworm', true, '7.2.22')
  expect(packages).toEqual(['qemu-system-x86/bookworm-backports', 'qemu-utils/bookworm-backports'])
  expect(hint).toContain('7.2.22')
  expect(suitesOf(packages ?? [])).toEqual(['bookworm-backports'])
})

test('with KVM any version will do', () => {
  expect(newerQemu('bookworm', false).packages).toEqual(['qemu-system-x86', 'qemu-utils'])
  expect(newerQemu('noble', false).packages).toEqual(['qemu-system-x86', 'qemu-utils'])
})

test('where packages hold none that is new enough, none are offered', () => {
  const { hint, packages } = newerQemu('noble', true, '8.2.2')
  expect(packages).toBeUndefined()
  expect(hint).toMatch(/KVM/)
})

test('newer releases have it themselves', () => {
  expect(newerQemu('trixie', true).packages).toEqual(['qemu-system-x86', 'qemu-utils'])
})

test('a package that is wanted of a suite is not asked for without', () => {
  const missing = (name: string, ...packages: string[]) => ({ name, satisfied: false, hint: '', packages })
  expect(
    missingPackages([
      missing('qemu-img', 'qemu-utils'),
      missing('QEMU', 'qemu-system-x86/bookworm-backports', 'qemu-utils/bookworm-backports'),
      missing('mmdebstrap', 'mmdebstrap'),
    ]),
  ).toEqual(['qemu-system-x86/bookworm-backports', 'qemu-utils/bookworm-backports', 'mmdebstrap'])
})

test('apt is told the suite for all that a package of it needs', () => {
  expect(
    installArguments(['qemu-utils/bookworm-backports', 'mmdebstrap', 'qemu-system-x86/bookworm-backports']),
  ).toEqual([['mmdebstrap'], ['-t', 'bookworm-backports', 'qemu-utils', 'qemu-system-x86']])
  expect(installArguments(['mmdebstrap'])).toEqual([['mmdebstrap']])
})
