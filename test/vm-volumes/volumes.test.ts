import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeOnHosts, lacks } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'
import {
  type Moved,
  pathOfVolume,
  type Shown,
  testVolumeMoves,
  volumeTools,
} from '../support/volume-contract.ts'

const settings = `image: debian-13
vm: { memory: 768MiB }
components: [docker, criu, podman, volumes, nfs, zfs]
`

// Where the kernel has what that of namespace hosts need not have. Making the image builds ZFS, which takes minutes.
describeOnHosts(
  'volumes of virtual machines',
  () => {
    let testbed: TestbedFolder
    beforeAll(async () => {
      testbed = await makeTestbedFolder(77, 2, { provider: 'qemu', settings })
      expectExit(await testbed.run('up'), 0)
    })
    afterAll(() => testbed.remove())
    const { volume, json, on } = volumeTools(() => testbed)

    describe('kept by zfs', () => {
      testVolumeMoves('data-zfs', 'zfs', () => testbed)

      test('a full volume is full', async () => {
        const { path } = await json<Shown>('create', 'small', '--size', '16MiB', '--back-end', 'zfs')
        await expect(
          on('host-a', `dd if=/dev/urandom of=${path}/all bs=1M count=40 conv=fsync status=none`),
        ).rejects.toThrow(/quota|space/i)
        for (const name of ['small', 'data-zfs']) expectExit(await volume('destroy', name), 0)
        expect(await on('host-a', 'zfs list -H -o name')).toBe('migration-testbed')
      })
    })

    describe('kept by nfs', () => {
      const name = 'shared'
      const path = pathOfVolume(name)
      const writes = (host: string) =>
        on(
          host,
          `timeout 20 dd if=/dev/zero of=${path}/try bs=4k count=1 conv=fsync status=none && echo yes`,
        ).catch(() => 'no')

      test('the files stay where they are, the attachment moves', async () => {
        await json<Shown>('create', name, '--size', '64MiB', '--host', 'host-a', '--back-end', 'nfs')
        await on('host-a', `cd ${path} && head -c 3000000 /dev/urandom >file && sha256sum file >sum`)
        const moved = await json<Moved>('move', name, 'host-b')
        expect(moved.passes.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(0)
        expect(await on('host-b', `cd ${path} && sha256sum --check sum && stat -f -c %T .`)).toBe(
          'file: OK\nnfs',
        )
        expect(await on('host-a', `mountpoint -q ${path} || echo none`)).toBe('none')
        expect((await json<Shown>('show', name)).copies).toMatchObject([
          { host: 'host-a', role: 'replica' },
          { host: 'host-b', role: 'primary', attachedAt: path },
        ])
      })

      test('what is written there is there after the way back', async () => {
        expect(await writes('host-b')).toBe('yes')
        await on('host-b', `echo from b >${path}/said`)
        await json<Moved>('move', name, 'host-a')
        expect(await on('host-a', `cat ${path}/said`)).toBe('from b')
        await json<Moved>('move', name, 'host-b')
      })

      test('whom the home does not let in any more cannot write, whatever it has mounted', async () => {
        const { id } = await json<Shown>('show', name)
        const script = '/usr/local/lib/migration-testbed/provision/volumes/volume.sh'
        await on('host-a', `sh ${script} serve ${id} nobody`)
        expect(await writes('host-b')).toBe('no')
        // Whatever looks at volumes next puts it right.
        await json<Shown>('show', name)
        expect(await writes('host-b')).toBe('yes')
      })

      test('destroyed, nothing of it is left, and nobody is served', async () => {
        const { id } = await json<Shown>('show', name)
        expectExit(await volume('destroy', name), 0)
        for (const host of ['host-a', 'host-b']) {
          const left = `find /var/lib/migration-testbed/volumes /run/migration-testbed-volumes -name '*${id}*' -o -name ${name}`
          expect(await on(host, `${left}; cat /var/lib/nfs/etab 2>/dev/null || true`)).toBe('')
        }
      })
    })
  },
  await lacks('qemu'),
)
