import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { messageOf, TestbedError } from '../core/errors.ts'
import type { Sample } from './sample.ts'

/** One line of `samples.ndjson.gz`: nanoseconds as decimal strings, because JSON numbers would round them. */
export function encodeSample(sample: Sample): string {
  return JSON.stringify(sample, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}

type StampName = 'due' | 'sent' | 'done'
type StoredSample = Omit<Sample, StampName> & { due: string; sent: string; done?: string }

/** Throws on a line that is not a sample. */
export function decodeSample(line: string): Sample {
  const { due, sent, done, ...rest } = JSON.parse(line) as StoredSample
  const stamps = { due: BigInt(due), sent: BigInt(sent) }
  return { ...rest, ...stamps, ...(done === undefined ? {} : { done: BigInt(done) }) }
}

/** Writes the file whole or not at all: a reader never sees a part of it. */
export async function writeSamples(file: string, samples: readonly Sample[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const unfinished = `${file}.${process.pid}.tmp`
  try {
    await pipeline(
      Readable.from(lines(samples), { objectMode: false }),
      createGzip(),
      createWriteStream(unfinished, { flush: true }),
    )
    await rename(unfinished, file)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}

/** In blocks: a stream that is fed line by line spends its time on bookkeeping. */
function* lines(samples: readonly Sample[]): Generator<string> {
  const blockSize = 500
  for (let at = 0; at < samples.length; at += blockSize) {
    yield `${samples
      .slice(at, at + blockSize)
      .map(encodeSample)
      .join('\n')}\n`
  }
}

/** Reads what `writeSamples` wrote. Throws `TestbedError` naming the file, and the line where one is at fault. */
export async function readSamples(file: string): Promise<Sample[]> {
  const samples: Sample[] = []
  try {
    await pipeline(createReadStream(file), createGunzip().setEncoding('utf8'), async (chunks) => {
      let rest = ''
      for await (const chunk of chunks as AsyncIterable<string>) {
        const complete = (rest + chunk).split('\n')
        rest = complete.pop() ?? ''
        for (const line of complete) samples.push(decodeSample(line))
      }
      if (rest !== '') samples.push(decodeSample(rest))
    })
  } catch (error) {
    throw new TestbedError('internal', 'the samples of a trial cannot be read', {
      where: `${file}:${samples.length + 1}`,
      why: [messageOf(error)],
      cause: error,
    })
  }
  return samples
}
