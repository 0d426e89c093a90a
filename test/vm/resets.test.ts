import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/core/time.ts'
import { estimateClockOffset } from '../../src/hosts/clock-offset.ts'
import type { SshHost } from '../../src/hosts/ssh-host.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

const resets = 20
const names = ['host-a', 'host-b'] as const

/** In the host's own words, and not by the program's own check of identities. */
const whoAreYou =
  'hostname; cat /etc/machine-id; cat /sys/class/net/{mgmt0,service0,svc0}/address; ip -4 -br addr'

describeOnHosts('two machines of QEMU', () => {
  let testbed: TestbedFolder

  beforeAll(async () => {
    testbed = await makeTestbedFolder(76, 2, {
      provider: 'qemu',
      settings: 'image: debian-13\nvm: { memory: 768MiB }\n',
    })
    expectExit(await testbed.run('up'), 0)
  })
  afterAll(() => testbed.remove())

  const ask = async <T>(what: (host: SshHost) => Promise<T>): Promise<T[]> =>
    await Promise.all(
      names.map(async (name) => {
        const host = await testbed.connect(name)
        return await what(host).finally(() => host.close())
      }),
    )
  const identities = () =>
    ask(async (host) => {
      const { stdout, exitCode } = await host.run({ argv: ['bash', '-c', whoAreYou] })
      expect(exitCode).toBe(0)
      return stdout
    })
  /** By how much the wall clock of each is ahead of ours, and how well that is known. */
  const clockErrors = () =>
    ask(async (host) => {
      const { offsetNs, uncertaintyMs } = await estimateClockOffset(host, systemClock)
      const ours = BigInt(Date.now()) * 1_000_000n - systemClock.monotonicNs()
      return { errorMs: Number(offsetNs - ours) / 1e6, uncertaintyMs }
    })

  test(`are who they were after each of ${resets} resets, and know what time it is`, async () => {
    const before = await identities()
    expect(new Set(before.map((said) => said.split('\n')[0]))).toEqual(new Set(names))
    const errors: number[] = []
    const seconds: number[] = []
    for (let reset = 0; reset < resets; reset += 1) {
      await ask((host) => host.run({ argv: ['touch', '/root/of-before'] }))
      const began = performance.now()
      expectExit(await testbed.run('rebuild'), 0)
      seconds.push((performance.now() - began) / 1000)
      const clocks = await clockErrors()
      expect(await identities(), `after reset ${reset + 1}`).toEqual(before)
      const left = await ask((host) => host.run({ argv: ['test', '-e', '/root/of-before'] }))
      expect(left.map(({ exitCode }) => exitCode)).toEqual([1, 1])
      for (const { errorMs, uncertaintyMs } of clocks) {
        expect(uncertaintyMs).toBeLessThan(50)
        errors.push(Math.abs(errorMs))
      }
    }
    const worst = (values: readonly number[]) => Math.max(...values).toFixed(1)
    process.stderr.write(
      `${resets} resets of two machines: worst clock error ${worst(errors)} ms, slowest ${worst(seconds)} s\n`,
    )
    expect(Math.max(...errors)).toBeLessThan(50)
  })
})
