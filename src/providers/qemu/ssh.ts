import { createConnection, type Socket } from 'node:net'
import type { HostAddress } from '../../hosts/address.ts'
import { connect } from '../../hosts/connection.ts'

/**
 * An emulated sshd takes seconds to greet, and more for its part of a handshake. Being impatient does harm: sshd counts
 * connections that are given up (PerSourcePenalties, since OpenSSH 9.8) and in the end refuses their source.
 */
const handshakeMs = 30_000
const bannerMs = 15_000
const refusalMs = 1_000

/** A port that nobody listens on. */
const closedPort = 1

/**
 * True when the guest's own network refuses a connection: it runs and is reached. That is all that a host needs which was up
 * before, and costs an emulated guest nothing, where sshd takes a second to start what greets.
 */
export async function refuses({ host }: HostAddress, signal: AbortSignal): Promise<boolean> {
  return await knock(host, closedPort, refusalMs, signal, (socket, answer) => {
    socket.once('error', (error: NodeJS.ErrnoException) => answer(error.code === 'ECONNREFUSED'))
  })
}

/** True when an SSH server greets: cheap, unlike a handshake, and all that a host needs that was up before. */
export async function greets({ host, port }: HostAddress, signal: AbortSignal): Promise<boolean> {
  return await knock(host, port, bannerMs, signal, (socket, answer) => {
    socket.once('data', (bytes) => answer(bytes.toString('latin1').startsWith('SSH-')))
  })
}

/** Begins a connection and hears what `listen` makes of it: false when that is nothing until it ends, breaks or takes too long. */
async function knock(
  host: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
  listen: (socket: Socket, answer: (yes: boolean) => void) => void,
): Promise<boolean> {
  signal.throwIfAborted()
  const socket = createConnection({ host, port })
  const stop = () => socket.destroy()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await new Promise<boolean>((resolve) => {
      listen(socket, resolve)
      socket.setTimeout(timeoutMs, () => resolve(false))
      socket.once('error', () => resolve(false))
      socket.once('close', () => resolve(false))
    })
  } finally {
    signal.removeEventListener('abort', stop)
    socket.destroy()
  }
}

/** True when the host takes our key and has the pinned one; one attempt, since those that came to nothing count. @throws when it does not */
export async function letsUsIn(address: HostAddress, signal: AbortSignal): Promise<boolean> {
  const client = await connect(address, signal, handshakeMs)
  client.end()
  return true
}
