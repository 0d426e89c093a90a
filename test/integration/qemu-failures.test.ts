import { spawnSync } from 'node:child_process'
import { access, mkdir, readdir } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findVms } from '../../src/providers/qemu/labels.ts'
import { createQemuProvider } from '../../src/providers/qemu/provider.ts'
import { bakeOnce } from '../../src/testbed/ready.ts'
import { describeOnHosts, lacks } from '../support/requirements.ts'
import { makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

const never = new AbortController().signal
const missing = await lacks('qemu')

describeOnHosts(
  'virtual machines that cannot be made',
  () => {
    let folder: TestbedFolder

    beforeAll(async () => {
      const settings = 'image: debian-13\nvm: { memory: 512MiB }\n'
      folder = await makeTestbedFolder(28, 2, { provider: 'qemu', settings })
      const provider = createQemuProvider(folder.context())
      await bakeOnce(provider, await folder.resolved(), { progress: () => {}, signal: never })
    })
    afterAll(async () => {
      await folder.remove()
    })

    const left = async () => ({
      vms: (await findVms(folder.id)).map(({ host }) => host),
      hosts: await readdir(`${folder.context().stateFolder}/hosts`).catch(() => []),
    })

    // The first is before its network is wired, the last while the guest boots.
    test.each([0, 500])(
      'a QEMU that is killed %i ms after its start is named, and leaves nothing but its log',
      async (ms) => {
        const provider = createQemuProvider(folder.context())
        const created = provider.create(await folder.resolved(), never)
        const killer = async () => {
          for (;;) {
            const vm = (await findVms(folder.id)).find(({ host }) => host === 'host-a')
            if (vm !== undefined) {
              await delay(ms)
              process.kill(vm.pid, 'SIGKILL')
              return
            }
            await delay(5)
          }
        }
        const [result] = await Promise.allSettled([created, killer()])
        expect(result).toMatchObject({
          status: 'rejected',
          reason: { kind: 'testbed', parts: { where: 'host-a', hint: expect.stringContaining('testbed') } },
        })
        expect((await left()).hosts).not.toContain('host-a')
        await access(`${folder.context().stateFolder}/logs/host-a/serial.log`)
        await provider.destroy(folder.name)
        expect(await left()).toEqual({ vms: [], hosts: [] })
      },
    )

    test('a disk that is full is named, with what to do', async () => {
      const state = `${folder.path}/small`
      await mkdir(state)
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', state]).status).toBe(0)
      try {
        const provider = createQemuProvider({ ...folder.context(), stateFolder: state })
        const created = provider.create(await folder.resolved(), never)
        await expect(created).rejects.toMatchObject({
          parts: { why: [expect.stringMatching(/No space left/)], hint: expect.stringContaining('full') },
        })
        await provider.destroy(folder.name)
        expect(await provider.list(folder.name)).toEqual([])
      } finally {
        spawnSync('umount', [state])
      }
    })

    test('a disk that is smaller than the image is refused', async () => {
      const provider = createQemuProvider(folder.context())
      const testbed = await folder.resolved()
      const small = { ...testbed, vm: { ...testbed.vm, diskBytes: 2 ** 31 } }
      await expect(provider.create(small, never)).rejects.toMatchObject({
        kind: 'configuration',
        parts: { hint: expect.stringContaining('8GiB') },
      })
      await provider.destroy(folder.name)
      expect(await left()).toEqual({ vms: [], hosts: [] })
    })

    test('a host that nobody made has nothing to be saved', async () => {
      const provider = createQemuProvider(folder.context())
      await expect(
        provider.snapshots?.save(await folder.resolved(), ['host-a'], never),
      ).rejects.toMatchObject({ parts: { where: 'host-a' } })
    })
  },
  missing,
)
