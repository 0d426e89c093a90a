import { createConnection } from 'node:net'
import type { HostAddress } from '../../hosts/address.ts'
import { connect } from '../../hosts/connection.ts'

/** An sshd that is busy emulating takes seconds for its part of a handshake. */
const handshakeMs = 30_000
const bannerMs = 3_000

/** True when an SSH server greets: cheap, unlike a handshake, and all that a host needs that was up before. */
export async function greets(address: HostAddress, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted()
  const socket = createConnection({ host: address.host, port: address.port })
  const stop = () => socket.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await new Promise<boolean>((resolve) => {
      socket.setTimeout(bannerMs, () => resolve(false))
      socket.once('error', () => resolve(false))
      socket.once('close', () => resolve(false))
      socket.once('data', (bytes) => resolve(bytes.toString('latin1').startsWith('SSH-')))
    })
  } finally {
    signal.removeEventListener('abort', stop)
    socket.destroy()
  }
}

/** True when the host takes our key and has the pinned one. */
export async function letsUsIn(address: HostAddress, signal: AbortSignal): Promise<boolean> {
  if (!(await greets(address, signal))) return false
  const client = await connect(address, signal, handshakeMs)
  client.end()
  return true
}
