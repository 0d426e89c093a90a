import { expect, test } from 'vitest'
import type { Provider, Requirement } from '../../../src/providers/provider.ts'
import {
  installHint,
  missingPackages,
  requireFileSystem,
  requireProgram,
} from '../../../src/providers/requirements.ts'
import { requireAll } from '../../../src/providers/select.ts'

const there: Requirement = { name: 'ip', satisfied: true, hint: 'h', packages: ['iproute2'] }
const missing: Requirement = { name: 'unshare', satisfied: false, hint: 'get it', packages: ['util-linux'] }
const alsoMissing: Requirement = { ...missing, name: 'nsenter' }
const root: Requirement = { name: 'root', satisfied: false, hint: 'sudo' }
const provider = { name: 'namespaces' } as Provider
const select = (requirements: Requirement[]) => ({ provider, requirements, reason: 'as the testbed asks' })

test('a program is looked for on the PATH', async () => {
  expect(await requireProgram('sh', 'dash')).toMatchObject({ satisfied: true })
  expect(await requireProgram('no-such-program', 'some-package')).toEqual({
    name: 'no-such-program',
    satisfied: false,
    hint: installHint(['some-package']),
    packages: ['some-package'],
  })
})

test('a file system is looked for in the kernel', async () => {
  expect(await requireFileSystem('proc')).toMatchObject({ name: 'kernel: proc', satisfied: true })
  expect(await requireFileSystem('nofs')).toMatchObject({ satisfied: false, hint: 'modprobe nofs' })
})

test('packages that are missing are told once', () => {
  expect(missingPackages([there, missing, alsoMissing, root])).toEqual(['util-linux'])
})

test('all that is missing is one error, with how to get each', () => {
  expect(() => requireAll(select([there]))).not.toThrow()
  expect(() => requireAll(select([there, missing, root]))).toThrowError(
    expect.objectContaining({
      kind: 'prerequisite',
      exitCode: 3,
      parts: {
        why: [expect.stringMatching(/^unshare +get it$/), expect.stringMatching(/^root +sudo$/)],
        hint: expect.stringContaining('--install'),
      },
    }),
  )
  // Packages cannot bring it: --install would be bad advice.
  expect(() => requireAll(select([root]))).toThrowError(
    expect.objectContaining({
      parts: { why: [expect.anything()], hint: expect.not.stringContaining('--install') },
    }),
  )
})
