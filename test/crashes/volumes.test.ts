import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createNamespacesProvider } from '../../src/providers/namespaces/provider.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'
import { pathOfVolume, type Shown, volumeTools } from '../support/volume-contract.ts'

/** Steps of a move, as it tells them, with the host that does each. At every one something is killed. */
const steps = [
  /: check$|\] check$/m,
  /\] write down the move$/m,
  /make a copy ready$/m,
  /first pass$/m,
  /first pass: done/m,
  /pass 2$/m,
  /\bdetach$/m,
  /give up the right to write$/m,
  /last pass$/m,
  /last pass: done/m,
  /\] hand over$/m,
  /take over the right to write$/m,
  /\battach$/m,
  /forget what was/m,
]
const victims = ['program', 'source', 'destination'] as const
const repetitions = Number(process.env.REPETITIONS ?? 5)
const backEnds = (process.env.BACK_ENDS ?? 'btrfs,rsync').split(',')

describeOnHosts('a move that is cut off', () => {
  let testbed: TestbedFolder
  const tally: Record<string, number> = {}
  beforeAll(async () => {
    testbed = await makeTestbedFolder(62)
    expectExit(await testbed.run('up'), 0)
    for (const backEnd of backEnds) {
      expectExit(
        await testbed.run('volume', 'create', `data-${backEnd}`, '--size', '256MiB', '--back-end', backEnd),
        0,
      )
    }
  })
  afterAll(async () => {
    process.stderr.write(`${JSON.stringify(tally)}\n`)
    await testbed.remove()
  })

  const { json, on } = volumeTools(() => testbed)
  const show = (name: string) => json<Shown>('show', name)
  const other = (host: string) => (host === 'host-a' ? 'host-b' : 'host-a')
  /** Of every file, but for what was written last by the check itself. */
  const digest = (host: string, path: string) =>
    on(host, `cd ${path} && find . -type f ! -name probe -print0 | sort -z | xargs -0 sha256sum | sha256sum`)

  /** What is to hold whatever was killed: one copy can be written to, it is the whole one, and it can be moved. */
  async function expectOneWritable(name: string, expected: string): Promise<void> {
    const shown = await testbed.run('volume', 'show', name, '--json')
    const { primary, epoch, copies, state } = JSON.parse(expectExit(shown, 0).stdout) as Shown
    expect(['attached', 'failed'], shown.stderr).toContain(state)
    const path = pathOfVolume(name)
    expect(copies.filter(({ role }) => role === 'primary')).toEqual([
      expect.objectContaining({ host: primary, epoch, attachedAt: path }),
    ])
    expect(await on(primary, `echo written >${path}/probe && cat ${path}/probe`)).toBe('written')
    expect(await on(other(primary), `mountpoint -q ${path} || echo none`)).toBe('none')
    // With btrfs a copy that is no primary's cannot be written to even past its mount.
    const past = '/var/lib/migration-testbed/volumes/pool/*/data'
    const tried = await on(
      other(primary),
      `for data in ${past}; do [ ! -d "$data" ] || grep -qs "^name=${name}$" /var/lib/migration-testbed/volumes/$(basename $(dirname $data))/record && [ -d "$data" ] && touch "$data/past" 2>/dev/null && echo "$data"; done; true`,
    )
    expect(tried).toBe('')
    expect(await digest(primary, path)).toBe(expected)
    expectExit(await testbed.run('volume', 'move', name, other(primary)), 0)
    expect(await digest(other(primary), path)).toBe(expected)
  }

  describe.each(backEnds)('%s', (backEnd) => {
    const name = `data-${backEnd}`
    const path = pathOfVolume(name)

    describe.each(victims)('the %s is killed', (victim) => {
      test.each(steps.map((pattern, index) => [index + 1, pattern.source, pattern] as const))(
        'at point %i: %s',
        async (_, __, pattern) => {
          for (let repetition = 0; repetition < repetitions; repetition += 1) {
            const { primary } = await show(name)
            const to = other(primary)
            // Something new every time: the first pass has to send it, and the second finds what was changed meanwhile.
            await on(
              primary,
              `cd ${path} && head -c 8388608 /dev/urandom >large && for n in 1 2 3 4 5 6 7 8 9; do head -c 4096 /dev/urandom >small$n; done && sync large small*`,
            )
            const expected = await digest(primary, path)
            const move = testbed.start(undefined, 'volume', 'move', name, to)
            const reached = await move.says(pattern)
            // Not always at the same moment of the step.
            await new Promise((resolve) => setTimeout(resolve, repetition * 15))
            if (victim === 'program') move.child.kill('SIGKILL')
            else {
              const provider = createNamespacesProvider(testbed.context())
              await provider.kill(victim === 'source' ? primary : to)
            }
            const { durationMs } = await move.ended
            expect(durationMs).toBeLessThan(60_000)
            const key = `${backEnd} ${victim} ${reached ? 'at its step' : 'after the end'}`
            tally[key] = (tally[key] ?? 0) + 1
            if (victim !== 'program') expectExit(await testbed.run('up'), 0)
            await expectOneWritable(name, expected)
          }
        },
      )
    })
  })
})
