import { randomBytes } from 'node:crypto'
import type { HostName } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import type { Dataset, Lease } from './dataset.ts'

/** What a lease is compared to and written with: milliseconds since 1970. */
export type Now = number

function isHeld(lease: Lease, now: Now): boolean {
  return Date.parse(lease.expires) > now
}

/**
 * A new lease, in place of one that has expired.
 * @throws TestbedError while another holds, and when the dataset's primary is another host
 */
export function acquireLease(
  dataset: Dataset,
  wanted: { readonly host: HostName; readonly holder: string; readonly forMs: number },
  now: Now,
): Lease {
  if (dataset.lease !== undefined && isHeld(dataset.lease, now)) throw leased(dataset, dataset.lease)
  if (dataset.move !== undefined) {
    throw new TestbedError('busy', `${dataset.name} is being moved to ${dataset.move.to}`, {
      hint: 'wait until it is there: testbed volume show tells',
    })
  }
  if (wanted.host !== dataset.primary) {
    throw new TestbedError(
      'configuration',
      `${dataset.name} is on ${dataset.primary}, not on ${wanted.host}`,
      {
        hint: `move it first: testbed volume move ${dataset.name} ${wanted.host}`,
      },
    )
  }
  const token = randomBytes(8).toString('hex')
  return { host: wanted.host, holder: wanted.holder, token, expires: isoAt(now + wanted.forMs) }
}

/**
 * The same lease for longer. One that has run out is never brought back: whoever was paused for that long must not believe
 * that nothing has happened meanwhile.
 * @throws TestbedError when it has run out, or is not the dataset's lease any more
 */
export function renewLease(dataset: Dataset, token: string, forMs: number, now: Now): Lease {
  const { lease } = dataset
  if (lease?.token !== token) {
    throw new TestbedError('trial', `that lease of ${dataset.name} is not in force any more`, {
      why: [lease === undefined ? 'nobody has one' : describeLease(lease)],
      hint: 'stop using the dataset, and look where it is now: testbed volume show',
    })
  }
  if (!isHeld(lease, now)) {
    throw new TestbedError('trial', `the lease of ${dataset.name} ran out at ${lease.expires}`, {
      hint: 'stop using the dataset until you have a new one: testbed volume lease',
    })
  }
  return { ...lease, expires: isoAt(now + forMs) }
}

/** @throws TestbedError unless `token` is that of the lease; one that has run out can be released as well */
export function requireOwnLease({ name, lease }: Dataset, token: string): void {
  if (lease?.token === token) return
  throw new TestbedError('trial', `that lease of ${name} is not in force any more`, {
    ...(lease === undefined ? {} : { why: [describeLease(lease)] }),
  })
}

/** @throws TestbedError when a lease keeps the dataset where it is, and `token` is not that lease's */
export function requireMovable(dataset: Dataset, to: HostName, token: string | undefined, now: Now): void {
  const { lease } = dataset
  if (lease === undefined || !isHeld(lease, now) || lease.host === to || lease.token === token) return
  throw leased(dataset, lease)
}

function leased({ name }: Dataset, lease: Lease): TestbedError {
  return new TestbedError('busy', `${name} is leased: ${describeLease(lease)}`, {
    hint: `wait, or have it released: testbed volume release ${name} --token …`,
  })
}

function describeLease({ holder, host, expires }: Lease): string {
  return `${holder} keeps it on ${host} until ${expires}`
}

function isoAt(ms: Now): string {
  return new Date(ms).toISOString()
}
