import { expect, test } from 'vitest'
import type { CommandLineResult } from './command-line.ts'
import { expectExit, type TestbedFolder } from './testbed-folder.ts'

/** As `testbed volume show --json` has it. */
export interface Shown {
  readonly id: string
  readonly state: string
  readonly reason: string
  readonly primary: string
  readonly epoch: number
  readonly path: string
  readonly copies: readonly {
    host: string
    role: string
    epoch: number
    attachedAt?: string
    snapshots: string[]
  }[]
}

/** As `testbed volume move --json` has it. */
export interface Moved {
  readonly passes: readonly { bytes: number; frozen: boolean }[]
  readonly frozenMs: number
}

const MiB = 1024 * 1024

export interface VolumeTools {
  volume(...args: string[]): Promise<CommandLineResult>
  json<Result>(...args: string[]): Promise<Result>
  /** What a script says on a host. @throws when it fails */
  on(host: string, script: string): Promise<string>
}

export function volumeTools(testbed: () => TestbedFolder): VolumeTools {
  const volume = (...args: string[]) => testbed().run('volume', ...args)
  return {
    volume,
    async json<Result>(...args: string[]) {
      return JSON.parse(expectExit(await volume(...args, '--json'), 0).stdout) as Result
    },
    async on(host, script) {
      const connection = await testbed().connect(host)
      try {
        const { exitCode, stdout, stderr } = await connection.run({ argv: ['sh', '-ec', script] })
        if (exitCode !== 0) throw new Error(`${host}: ${script}: ${stderr}`)
        return stdout.trim()
      } finally {
        connection.close()
      }
    },
  }
}

export const pathOfVolume = (name: string) => `/run/migration-testbed-volumes/${name}`

/**
 * What every back end has to keep on every kind of host: a dataset goes to the other host and back.
 * @param name of the dataset, which these tests make on host-a and leave there
 */
export function testVolumeMoves(name: string, backEnd: string, testbed: () => TestbedFolder): void {
  const { json, on } = volumeTools(testbed)
  const path = pathOfVolume(name)
  const digest = (host: string) =>
    on(host, `cd ${path} && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum`)

  test('what was written follows, and only the new primary can be written to', async () => {
    const where = ['--size', '256MiB', '--host', 'host-a', '--back-end', backEnd]
    expect((await json<Shown>('create', name, ...where)).path).toBe(path)
    await on(
      'host-a',
      `cd ${path}; mkdir -p deep/er; head -c ${32 * MiB} /dev/urandom >large
       for n in $(seq 200); do head -c 3000 /dev/urandom >deep/er/$n; done; ln large hard; ln -s large soft; mkfifo fifo; chmod 4711 large; chown 12:34 soft -h`,
    )
    const before = await digest('host-a')
    const moved = await json<Moved>('move', name, 'host-b')
    expect(moved.passes[0]?.bytes).toBeGreaterThan(32 * MiB)
    expect(moved.passes.at(-1)).toMatchObject({ frozen: true })
    expect(moved.passes.at(-1)?.bytes).toBeLessThan(MiB)
    expect(await digest('host-b')).toBe(before)
    expect(await on('host-b', `cd ${path} && stat -c '%a %h %u' large && stat -c '%u:%g %F' soft fifo`)).toBe(
      '4711 2 0\n12:34 symbolic link\n0:0 fifo',
    )
    const { primary, state, copies } = await json<Shown>('show', name)
    expect({ primary, state }).toEqual({ primary: 'host-b', state: 'attached' })
    expect(copies.map(({ host, role, epoch, attachedAt }) => ({ host, role, epoch, attachedAt }))).toEqual([
      { host: 'host-a', role: 'replica', epoch: 1, attachedAt: undefined },
      { host: 'host-b', role: 'primary', epoch: 2, attachedAt: path },
    ])
    expect(await on('host-a', `mountpoint -q ${path} || echo none`)).toBe('none')
  })

  test('on the way back only what has changed is sent, deletions too', async () => {
    await on(
      'host-b',
      `cd ${path} && dd if=/dev/urandom of=large bs=4096 seek=100 count=20 conv=notrunc status=none && rm deep/er/7`,
    )
    const before = await digest('host-b')
    const moved = await json<Moved>('move', name, 'host-a')
    expect(moved.passes.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(2 * MiB)
    expect(await digest('host-a')).toBe(before)
  })
}
