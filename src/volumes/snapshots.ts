import type { Host } from '../hosts/host.ts'
import { openReceiver } from '../transfer/tcp.ts'
import type { BackEnd, Push, PushOptions } from './back-end.ts'
import { listCopies, onCopy, volumeArgv } from './copies.ts'
import type { Dataset } from './dataset.ts'

/** Snapshots that passes make; a person's own have other names. */
const passPattern = /^push-(\d{6})$/

/** Snapshots, of which only the difference to the last one that both sides have is sent (btrfs-send(8), zfs-send(8)). */
export function snapshots(name: 'btrfs' | 'zfs'): BackEnd {
  return { name, quota: true, shared: false, openPush, tidy }
}

/** The last snapshot that all have stays, for the next move to begin from. */
async function tidy(hosts: readonly Host[], dataset: Dataset, signal: AbortSignal): Promise<void> {
  const held = await Promise.all(hosts.map((host) => passesOn(host, dataset, signal)))
  const [first = [], ...others] = held
  const common = first.filter((name) => others.every((names) => names.includes(name))).at(-1)
  await Promise.all(
    hosts.map(async (host, index) => {
      for (const name of held[index] ?? []) {
        if (name !== common) await onCopy(host, 'removal of a snapshot', ['drop', dataset.id, name], signal)
      }
    }),
  )
}

async function openPush({ source, destination, dataset, signal }: PushOptions): Promise<Push> {
  const [there, arrived] = await Promise.all([
    passesOn(source, dataset, signal),
    passesOn(destination, dataset, signal),
  ])
  let base = there.filter((name) => arrived.includes(name)).at(-1)
  let number = Math.max(0, ...[...there, ...arrived].map((name) => Number(passPattern.exec(name)?.[1])))
  let latest = ''
  // What takes the next pass listens before it is wanted: of the last one users wait for every millisecond.
  const stage = async () => {
    number += 1
    const name = `push-${String(number).padStart(6, '0')}`
    const from = base === undefined ? [] : [base]
    const receive = volumeArgv('receive', dataset.id, name, ...from)
    return { name, from, receiver: await openReceiver(destination, source, receive) }
  }
  let staged = await stage()
  return {
    pass: async ({ final, signal }) => {
      const { name, from, receiver } = staged
      const { bytes } = await receiver.receiveFrom(
        source,
        volumeArgv('send', dataset.id, name, ...from),
        signal,
      )
      base = name
      latest = name
      if (!final) staged = await stage()
      return { bytes }
    },
    get snapshot() {
      return latest
    },
    close: () => staged.receiver.close(),
  }
}

/** In the order in which they were made. */
async function passesOn(host: Host, dataset: Dataset, signal: AbortSignal): Promise<string[]> {
  const copies = await listCopies(host, signal)
  const own = copies.find((copy) => copy.dataset === dataset.id)
  return (own?.snapshots ?? []).filter((name) => passPattern.test(name)).sort()
}
