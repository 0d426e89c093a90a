import type { Judgement } from './exchange.ts'
import { MalformedAnswer } from './reader.ts'
import type { Outcome } from './sample.ts'

const outcomeOfCode: Readonly<Record<string, Outcome>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  ETIMEDOUT: 'timeout',
}

/** Our own side had nothing left to send with: the probe never reached the network, and it says nothing about the workload. */
const localCodes: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL'])

/** What a socket's error says about the service. */
export function judgeError(error: unknown): Judgement {
  if (error instanceof MalformedAnswer) return { outcome: 'wrong', detail: error.message }
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  if (code === undefined) return { outcome: 'error', detail: String(error) }
  return { outcome: outcomeOfCode[code] ?? 'error', detail: code }
}

/** Whether a sample's failure is the generator's own. */
export function isLocalFault(sample: { readonly outcome: Outcome; readonly detail?: string }): boolean {
  return sample.outcome === 'error' && sample.detail !== undefined && localCodes.has(sample.detail)
}
