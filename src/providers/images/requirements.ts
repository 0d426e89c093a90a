import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { TestbedError } from '../../core/errors.ts'
import type { Requirement } from '../provider.ts'
import { installHint, missingPackages, requireProgram } from '../requirements.ts'

/** What this machine needs to build a guest image out of packages, for whoever runs this program. */
async function checkImageBuilder(): Promise<Requirement[]> {
  const programs = [
    await requireProgram('mmdebstrap', 'mmdebstrap'),
    await requireProgram('mke2fs', 'e2fsprogs'),
    await requireProgram('setpriv', 'util-linux'),
    await requireProgram('qemu-img', 'qemu-utils'),
  ]
  if (process.getuid?.() === 0) return programs
  return [
    ...programs,
    await requireProgram('newuidmap', 'uidmap'),
    await requireSubordinateIds('/etc/subuid'),
    await requireSubordinateIds('/etc/subgid'),
  ]
}

/** @throws TestbedError (prerequisite) that lists what is missing */
export async function requireImageBuilder(): Promise<void> {
  const missing = (await checkImageBuilder()).filter((one) => !one.satisfied)
  if (missing.length === 0) return
  const packages = missingPackages(missing)
  throw new TestbedError('prerequisite', 'this machine lacks what builds a guest image', {
    why: missing.map((one) => `${one.name.padEnd(20)} ${one.hint}`),
    hint:
      packages.length > 0
        ? installHint(packages)
        : 'see above; or run as root, or take image: ubuntu-24.04, which is downloaded',
  })
}

/** User ids that the owner of a file system in the making can have. */
async function requireSubordinateIds(file: string): Promise<Requirement> {
  const { username, uid } = userInfo()
  const text = await readFile(file, 'utf8').catch(() => '')
  return {
    name: file,
    satisfied: hasSubordinateIds(text, username, uid),
    hint: `as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}`,
  }
}

/** Whether a file in the format of subuid(5) gives the user 65536 ids or more. */
export function hasSubordinateIds(text: string, user: string, uid: number): boolean {
  return text.split('\n').some((line) => {
    const [owner, , count] = line.split(':')
    return (owner === user || owner === String(uid)) && Number(count) >= 65_536
  })
}
