import type { ResolvedTestbed } from '../../config/resolved.ts'
import { TestbedError } from '../../core/errors.ts'
import { mustRunLocal } from '../../core/process.ts'
import { formatSize } from '../../core/units.ts'
import type { GuestImage } from '../images/guest-image.ts'

const timeoutMs = 30_000

/** Makes a disk that holds only what will differ from the image. @throws TestbedError when there is no room for it */
export async function createDisk(
  { testbed, image }: { readonly testbed: ResolvedTestbed; readonly image: GuestImage },
  path: string,
): Promise<void> {
  const info = await mustRunLocal(['qemu-img', 'info', '--output=json', image.disk], { timeoutMs })
  const { 'virtual-size': smallest = 0 } = JSON.parse(info.stdout) as { 'virtual-size'?: number }
  const { diskBytes } = testbed.vm
  if (diskBytes < smallest) {
    throw new TestbedError('configuration', `vm.disk is smaller than image ${image.name}`, {
      where: testbed.file,
      hint: `ask for ${formatSize(smallest)} or more; only what is used takes room`,
    })
  }
  const backing = ['-b', image.disk, '-F', 'qcow2'] as const
  await mustRunLocal(['qemu-img', 'create', '-q', '-f', 'qcow2', ...backing, path, String(diskBytes)], {
    timeoutMs,
    what: 'making of a disk',
    hint: 'is the disk of this machine full? df tells',
  })
}
