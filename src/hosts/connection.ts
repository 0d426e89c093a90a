import { readFile } from 'node:fs/promises'
import { Client, type ConnectConfig } from 'ssh2'
import { messageOf, TestbedError } from '../core/errors.ts'
import type { HostAddress } from './address.ts'
import { isPinnedKey } from './keys.ts'

const defaultTimeoutMs = 10_000

/**
 * Opens one SSH connection to a host; `timeoutMs` bounds the whole handshake.
 * @throws TestbedError when the host does not answer, shows another key than the pinned one, or refuses ours.
 */
export async function connect(
  address: HostAddress,
  signal?: AbortSignal,
  timeoutMs = defaultTimeoutMs,
): Promise<Client> {
  signal?.throwIfAborted()
  const client = new Client()
  let wrongKey = false
  const config: ConnectConfig = {
    host: address.host,
    port: address.port,
    username: address.user,
    privateKey: await readFile(address.privateKey),
    readyTimeout: timeoutMs,
    keepaliveInterval: 15_000,
    keepaliveCountMax: 4,
    algorithms: {
      serverHostKey: ['ssh-ed25519'],
      cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr'],
    },
    hostVerifier: (key: Buffer) => {
      wrongKey = !isPinnedKey(address.hostKey, key)
      return !wrongKey
    },
  }
  return await new Promise<Client>((resolve, reject) => {
    const fail = (error: unknown) => {
      signal?.removeEventListener('abort', abort)
      client.destroy()
      reject(
        signal?.aborted === true
          ? signal.reason
          : new TestbedError('testbed', `no SSH connection to ${address.host}:${address.port}`, {
              where: address.name,
              why: [
                wrongKey
                  ? 'the host shows another key than the one pinned when it was made'
                  : messageOf(error),
              ],
              hint: wrongKey
                ? 'something else answers at this address: check for a second machine, then testbed rebuild'
                : 'testbed status tells whether the host is up; testbed rebuild makes it anew',
              cause: error,
            }),
      )
    }
    const abort = () => fail(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    client.once('ready', () => {
      signal?.removeEventListener('abort', abort)
      client.removeListener('error', fail)
      // A connection that breaks later is seen by the channels; without a listener it would end the program.
      client.on('error', () => {})
      resolve(client)
    })
    client.once('error', fail)
    client.connect(config)
  })
}
