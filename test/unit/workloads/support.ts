import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import type { ResolvedWorkload } from '../../../src/config/resolved.ts'
import type { Command, CommandResult, Host, RunOptions } from '../../../src/hosts/host.ts'

/** A workload with a package image; `parts` replace what a test is about. */
export function workloadWith(parts: Partial<ResolvedWorkload> = {}): ResolvedWorkload {
  return {
    name: 'sample',
    file: '/workloads/sample/workload.yaml',
    folder: '/workloads/sample',
    image: { kind: 'packages', packages: ['lighttpd'], files: [] },
    command: ['/usr/sbin/lighttpd'],
    environment: {},
    port: 8080,
    probe: { protocol: 'http', path: '/', expectStatus: 200 },
    leavesRoot: false,
    stopSignal: 'SIGTERM',
    readyTimeoutMs: 30_000,
    ...parts,
  }
}

export const counterProbe: ResolvedWorkload['probe'] = {
  protocol: 'http',
  path: '/',
  expectStatus: 200,
  identity: '/identity',
  sequence: '/count',
}

/** A host whose commands are answered by `answer`; what is streamed into `docker load` lands in `streamed`. */
export function fakeHost(
  answer: (argv: readonly string[], options: RunOptions) => Partial<CommandResult>,
  load: { exitCode: number; says?: string } = { exitCode: 0 },
) {
  const ran: string[][] = []
  const streamed: Buffer[] = []
  const host: Host = {
    name: 'host-a',
    address: '192.0.2.2',
    facts: {
      kernel: '6.12',
      distribution: 'debian 13',
      architecture: 'x86_64',
      cpus: 1,
      memoryBytes: 1,
      cgroup: 'v2',
      init: 'other',
      versions: {},
      criuFeatures: {},
      queueDisciplines: [],
      limitsOfOthers: true,
      volumeBackEnds: [],
      clockSource: 'tsc',
    },
    run: async ({ argv }: Command, options = {}) => {
      ran.push([...argv])
      return { exitCode: 0, stdout: '', stderr: '', durationMs: 1, ...answer(argv, options) }
    },
    stream: async ({ argv }: Command) => {
      ran.push([...argv])
      const stdin = new PassThrough()
      const ended = Promise.withResolvers<number>()
      stdin.on('data', (part: Buffer) => streamed.push(part))
      stdin.on('finish', () => ended.resolve(load.exitCode))
      const output = (text: string) => {
        const stream = new PassThrough()
        stream.end(text)
        return stream
      }
      return {
        stdin,
        stdout: output(''),
        stderr: output(load.says ?? ''),
        exit: ended.promise,
        kill: () => ended.resolve(128),
      }
    },
    put: async () => {},
    get: async () => {},
    close: () => {},
  }
  return { host, ran, streamed }
}

/** Runs `use` with a folder that is gone afterwards. */
export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'workloads-'))
  try {
    await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
