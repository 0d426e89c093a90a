import type { HostName } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import { humanSize } from '../core/units.ts'
import type { Host } from '../hosts/host.ts'
import { offers } from './back-end.ts'
import { backEndOf, requireHost, type VolumeContext } from './context.ts'
import { freeBytes, listCopies } from './copies.ts'
import { requireMovable } from './lease.ts'
import { homeOf } from './shared.ts'

/** Whether a dataset can be moved there, before anything is changed. @throws TestbedError that says what keeps it */
export async function checkMove(
  context: VolumeContext,
  name: string,
  to: HostName,
  token: string | undefined,
): Promise<{ source: Host; destination: Host }> {
  const { store, signal } = context
  const dataset = await store.get(name)
  const { move, primary, backEnd, maximumSizeBytes } = dataset
  requireMovable(dataset, to, token, Date.now())
  if (move !== undefined || dataset.passing !== undefined) {
    throw new TestbedError(
      'busy',
      `${name} is ${move === undefined ? 'being made or unmade' : `still being moved to ${move.to}`}`,
      {
        hint: 'bring all hosts up, and it is settled: testbed up',
      },
    )
  }
  const destination = requireHost(context, to)
  if (to === primary) {
    throw new TestbedError('configuration', `${name} is on ${to} already`, {
      hint: `hosts are ${[...context.hosts.keys()].join(', ')}`,
    })
  }
  const source = requireHost(context, primary)
  homeOf(context, dataset)
  if (!offers(destination.facts, backEnd)) {
    throw new TestbedError('testbed', `it cannot keep copies by ${backEnd}`, {
      where: to,
      hint: 'testbed facts tells by what it can; the component volumes brings what is needed',
    })
  }
  const [free, there, here] = await Promise.all([
    freeBytes(destination, backEnd, signal),
    listCopies(destination, signal),
    listCopies(source, signal),
  ])
  const own = here.find((copy) => copy.dataset === dataset.id)
  const known = there.some((copy) => copy.dataset === dataset.id)
  // What may grow to its maximum size has to find room for it; an older copy holds a part of that already.
  const needed = backEndOf(dataset).shared ? 0 : known ? (own?.usedBytes ?? 0) : maximumSizeBytes
  if (free < needed) {
    throw new TestbedError(
      'testbed',
      `${name} does not fit: ${humanSize(needed)} are needed, ${humanSize(free)} free`,
      {
        where: to,
        hint: 'make room there, or move it to another host',
      },
    )
  }
  return { source, destination }
}
