import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeOnHosts, lacks } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'
import { testVolumeMoves, volumeTools } from '../support/volume-contract.ts'

// Kernels, disks and file systems of their own: nothing of this machine's is under what is moved.
describeOnHosts(
  'volumes of virtual machines',
  () => {
    let testbed: TestbedFolder
    beforeAll(async () => {
      const settings = 'image: debian-13\nvm: { memory: 768MiB }\n'
      testbed = await makeTestbedFolder(65, 2, { provider: 'qemu', settings })
      expectExit(await testbed.run('up'), 0)
    })
    afterAll(() => testbed.remove())

    describe.each(['btrfs', 'rsync'])('kept by %s', (backEnd) => {
      testVolumeMoves(`data-${backEnd}`, backEnd, () => testbed)
    })

    test('what cannot be has the same error as on other hosts', async () => {
      const { volume } = volumeTools(() => testbed)
      const result = await volume('create', 'other', '--size', '900000GiB')
      expectExit(result, 4)
      expect(result.stderr).toContain('other does not fit')
    })
  },
  await lacks('qemu'),
)
