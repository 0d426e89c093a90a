import type { ReadStream, WriteStream } from 'node:tty'
import type { Client, ClientChannel } from 'ssh2'
import { TestbedError } from '../core/errors.ts'

/** Opens a login shell on a host and ties it to a terminal of this machine until it ends. */
export async function openShell(
  client: Client,
  host: string,
  input: ReadStream,
  output: WriteStream,
): Promise<number> {
  const size = () => ({ rows: output.rows, cols: output.columns, width: 0, height: 0 })
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.shell({ term: process.env.TERM ?? 'xterm', ...size() }, (error, opened) => {
      if (error === undefined) resolve(opened)
      else reject(new TestbedError('testbed', 'no shell could be opened', { where: host, cause: error }))
    })
  })
  const onResize = () => channel.setWindow(output.rows, output.columns, 0, 0)
  output.on('resize', onResize)
  input.setRawMode(true)
  input.pipe(channel)
  channel.pipe(output, { end: false })
  try {
    return await new Promise<number>((resolve) => {
      let code = 0
      channel.on('exit', (exitCode: number | null) => {
        code = exitCode ?? 128
      })
      channel.on('close', () => resolve(code))
    })
  } finally {
    output.off('resize', onResize)
    input.setRawMode(false)
    input.unpipe(channel)
    input.destroy()
  }
}
