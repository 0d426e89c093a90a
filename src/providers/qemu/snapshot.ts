import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { TestbedError } from '../../core/errors.ts'
import { poll } from '../../core/retry.ts'
import type { Clock } from '../../core/time.ts'
import type { Qmp } from './qmp.ts'

/** The machine as it was when it was provisioned: memory, devices and disk, inside the host's own `disk.qcow2`. */
const tag = 'provisioned'

/** Says that the disk holds a whole snapshot, and of what: written when it is complete, removed before it is replaced. */
const markerOf = (folder: string) => join(folder, 'snapshot.json')

/** What the snapshot in a host's folder was taken of; undefined when there is none. */
export async function snapshotDigest(folder: string): Promise<string | undefined> {
  const text = await readFile(markerOf(folder), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const { digest } = JSON.parse(text) as { digest?: unknown }
  return typeof digest === 'string' ? digest : undefined
}

interface JobContext {
  readonly host: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Saves the running machine; it stands still meanwhile, for less than a second. */
export async function saveSnapshot(qmp: Qmp, folder: string, digest: string, job: JobContext): Promise<void> {
  await rm(markerOf(folder), { force: true })
  if (await holdsSnapshot(qmp)) await runJob(qmp, 'snapshot-delete', { tag, devices: ['disk'] }, job)
  await runJob(qmp, 'snapshot-save', { tag, vmstate: 'disk', devices: ['disk'] }, job)
  await writeFileAtomic(markerOf(folder), `${JSON.stringify({ digest })}\n`)
}

/** Puts the machine back; afterwards it runs if it ran before. @throws TestbedError with QEMU's reason */
export async function loadSnapshot(qmp: Qmp, job: JobContext): Promise<void> {
  await runJob(qmp, 'snapshot-load', { tag, vmstate: 'disk', devices: ['disk'] }, job)
}

async function holdsSnapshot(qmp: Qmp): Promise<boolean> {
  const nodes =
    await qmp.ask<readonly { 'node-name'?: string; image?: { snapshots?: { name: string }[] } }[]>(
      'query-named-block-nodes',
    )
  const disk = nodes.find((node) => node['node-name'] === 'disk')
  return disk?.image?.snapshots?.some(({ name }) => name === tag) ?? false
}

interface JobInfo {
  readonly id: string
  readonly status: string
  readonly error?: string
}

async function runJob(
  qmp: Qmp,
  command: 'snapshot-save' | 'snapshot-load' | 'snapshot-delete',
  args: Readonly<Record<string, unknown>>,
  { host, clock, signal }: JobContext,
): Promise<void> {
  await qmp.ask(command, { 'job-id': command, ...args })
  const job = await poll(
    async () => {
      const jobs = await qmp.ask<readonly JobInfo[]>('query-jobs')
      return jobs.find(({ id, status }) => id === command && status === 'concluded')
    },
    { what: command, where: host, timeoutMs: 60_000, intervalMs: 10, clock, signal },
  )
  await qmp.ask('job-dismiss', { id: command })
  if (job.error === undefined) return
  throw new TestbedError('testbed', `${command} failed`, {
    where: host,
    why: [job.error],
    hint: 'is the disk of this machine full? testbed rebuild makes the host anew',
  })
}
