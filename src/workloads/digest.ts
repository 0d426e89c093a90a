import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

/** SHA-256 in hex of a file's content; read as a stream. */
export async function digestOfFile(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(
    createReadStream(file, { highWaterMark: 1 << 20 }),
    hash,
    signal === undefined ? {} : { signal },
  )
  return hash.digest('hex')
}
