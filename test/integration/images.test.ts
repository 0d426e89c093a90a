import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { answers, type Download, download } from '../../src/core/download.ts'
import { runLocal } from '../../src/core/process.ts'
import { systemClock } from '../../src/core/time.ts'
import { chooseImage } from '../../src/providers/images/choice.ts'
import { cloudGuestImage } from '../../src/providers/images/cloud.ts'
import { locateGuestImage, prepareGuestImage } from '../../src/providers/images/guest-image.ts'
import { listGuestImages } from '../../src/providers/images/list.ts'
import { cacheFolder } from '../../src/testbed/state.ts'
import { describeOnHosts, lacks } from '../support/requirements.ts'
import { scratchFolder } from '../support/scratch-folder.ts'
import { never, scratchContext, someTestbed } from '../unit/images/support.ts'

const bytes = randomBytes(3_000_000)
const sha256 = createHash('sha256').update(bytes).digest('hex')
const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

type Answer = (request: IncomingMessage, response: ServerResponse, from: number) => void

/** A server of one file that honours ranges, but for what `answer` does with the n-th request. */
async function serve(...oddities: (Answer | undefined)[]): Promise<{ url: string; ranges: string[] }> {
  const ranges: string[] = []
  const server = createServer((request, response) => {
    const range = request.headers.range ?? ''
    const from = Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0)
    const answer = oddities[ranges.length] ?? whole
    ranges.push(range)
    answer(request, response, from)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/lab.img`, ranges }
}

const whole: Answer = (request, response, from) => {
  const rest = bytes.subarray(from)
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length })
  response.end(request.method === 'HEAD' ? undefined : rest)
}

/** Sends so much of what was asked for, then the connection breaks. */
const broken =
  (count: number): Answer =>
  (_, response, from) => {
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from })
    response.write(bytes.subarray(from, from + count), () => setTimeout(() => response.destroy(), 50))
  }

async function options(url: string, changes: Partial<Download> = {}): Promise<Download> {
  const part = path.join(await scratchFolder(), 'downloads', 'lab.part')
  const words = {
    what: 'image',
    otherwise: 'MIGRATION_TESTBED_IMAGE_MIRROR names a folder that has it',
    pinnedIn: 'image.yaml',
  }
  return { ...words, url, sha256, part, clock: systemClock, signal: never, pauseMs: 10, ...changes }
}

describe('download', () => {
  test('of the whole file at once', async () => {
    const { url, ranges } = await serve()
    const told: number[] = []
    const one = await options(url, { onProgress: (count) => void told.push(count) })
    await download(one)
    expect((await readFile(one.part)).equals(bytes)).toBe(true)
    expect(ranges).toEqual([''])
    expect(told.at(-1)).toBe(bytes.length)
  })

  test('that breaks off goes on where it was', async () => {
    const { url, ranges } = await serve(broken(1_000_000), broken(500_000))
    const one = await options(url)
    await download(one)
    expect((await readFile(one.part)).equals(bytes)).toBe(true)
    expect(ranges).toEqual(['', 'bytes=1000000-', 'bytes=1500000-'])
  })

  test('that an earlier program began goes on where it was, also with nothing left to get', async () => {
    const { url, ranges } = await serve(undefined, (_, response) => response.writeHead(416).end())
    const one = await options(url)
    await mkdir(path.dirname(one.part), { recursive: true })
    await writeFile(one.part, bytes.subarray(0, 2_000_000))
    await download(one)
    await download(one)
    expect(ranges).toEqual(['bytes=2000000-', 'bytes=3000000-'])
  })

  test('from a server that knows no ranges begins again', async () => {
    const { url } = await serve(broken(1_000_000), (request, response) => whole(request, response, 0))
    const one = await options(url)
    await download(one)
    expect((await readFile(one.part)).equals(bytes)).toBe(true)
  })

  test('that stalls is given up and resumed', async () => {
    const stalls: Answer = (_, response) => {
      response.writeHead(200, { 'content-length': bytes.length })
      response.write(bytes.subarray(0, 1_000_000))
    }
    const { url, ranges } = await serve(stalls)
    const one = await options(url, { stallTimeoutMs: 300 })
    await download(one)
    expect((await readFile(one.part)).equals(bytes)).toBe(true)
    expect(ranges.length).toBe(2)
  })

  test('that never brings a byte ends with the reason and what else can be done', async () => {
    const { url, ranges } = await serve(...Array.from({ length: 9 }, (): Answer => () => {}))
    await expect(download(await options(url, { stallTimeoutMs: 100 }))).rejects.toMatchObject({
      kind: 'testbed',
      message: 'the image cannot be downloaded',
      parts: {
        where: url,
        why: ['no data for 0.1 s'],
        hint: expect.stringContaining('MIGRATION_TESTBED_IMAGE_MIRROR'),
      },
    })
    expect(ranges.length).toBe(4)
  })

  test('of another file keeps nothing', async () => {
    const { url } = await serve()
    const one = await options(url, { sha256: '0'.repeat(64) })
    await expect(download(one)).rejects.toMatchObject({
      message: 'the downloaded image is not the one that was expected',
      parts: { where: url, why: [expect.stringContaining('0'.repeat(64)), expect.stringContaining(sha256)] },
    })
    expect(existsSync(one.part)).toBe(false)
  })

  test('of what is not there says so at once', async () => {
    const { url, ranges } = await serve((_, response) => response.writeHead(404).end('gone'))
    await expect(download(await options(url))).rejects.toMatchObject({
      parts: { why: ['the server answered 404 Not Found'] },
    })
    expect(ranges.length).toBe(1)
  })

  test('from where nobody answers', async () => {
    const { url } = await serve()
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve))
    await expect(download(await options(url))).rejects.toMatchObject({
      message: 'the image cannot be downloaded',
      parts: { why: expect.arrayContaining([expect.stringContaining('ECONNREFUSED')]) },
    })
  })

  test('that is aborted ends with the signal’s reason, and can be taken up again', async () => {
    const stop = new AbortController()
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': bytes.length })
      response.write(bytes.subarray(0, 1_000_000))
      setTimeout(() => stop.abort(new Error('stop')), 200)
    })
    const one = await options(url)
    await expect(download({ ...one, signal: stop.signal })).rejects.toThrow('stop')
    await download(one)
    expect((await readFile(one.part)).equals(bytes)).toBe(true)
  })

  test('of a file on this machine', async () => {
    const folder = await scratchFolder()
    await writeFile(path.join(folder, 'lab.img'), bytes)
    const url = pathToFileURL(path.join(folder, 'lab.img')).href
    await download(await options(url))
    expect(await answers(url, 1_000)).toBe(true)
    expect(await answers(`${url}.gone`, 1_000)).toBe(false)
  })

  test('onto a full disk keeps nothing', async ({ skip }) => {
    const folder = await scratchFolder()
    const mounted = await runLocal(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
    if (mounted.exitCode !== 0) skip('a small disk cannot be mounted without root')
    try {
      const { url } = await serve()
      const part = path.join(folder, 'lab.part')
      await expect(download(await options(url, { part }))).rejects.toMatchObject({
        message: 'the disk is full: the image was not kept',
        parts: { where: folder, hint: expect.stringContaining('XDG_CACHE_HOME') },
      })
      expect(await readdir(folder)).toEqual([])
    } finally {
      await runLocal(['umount', folder])
    }
  })
})

describe('a cloud image', () => {
  const recipe = (url: string) =>
    ({ kind: 'cloud', name: 'lab', url, sha256, architecture: process.arch }) as const

  test('comes into the cache once, whole', async () => {
    const { context } = await scratchContext()
    const { url, ranges } = await serve()
    const image = await cloudGuestImage(context, recipe(url))
    expect(image).toMatchObject({ present: false, image: { components: 'missing', seed: 'cloud-init' } })
    await image.prepare(never)
    await image.prepare(never)
    expect(ranges.length).toBe(1)
    expect((await readFile(image.image.disk)).equals(bytes)).toBe(true)
    expect((await cloudGuestImage(context, recipe(url))).present).toBe(true)
  })

  test('with the wrong digest leaves nothing in the cache', async () => {
    const { context } = await scratchContext()
    const { url } = await serve()
    const image = await cloudGuestImage(context, { ...recipe(url), sha256: 'f'.repeat(64) })
    await expect(image.prepare(never)).rejects.toMatchObject({ kind: 'testbed' })
    expect(await readdir(path.join(context.cacheFolder, 'guests'))).toEqual([])
    expect(await readdir(path.join(context.cacheFolder, 'downloads'))).toEqual([])
  })

  test('of another kind of machine is refused', async () => {
    const { context } = await scratchContext()
    const image = await cloudGuestImage(context, { ...recipe('http://x/y'), architecture: 'riscv64' })
    await expect(image.prepare(never)).rejects.toMatchObject({ kind: 'configuration' })
  })
})

describe('image: auto', () => {
  test('is chosen once for a testbed that stands, and told with the reason', async () => {
    const { context, events } = await scratchContext()
    const testbed = await someTestbed('auto')
    const first = await chooseImage(context, testbed)
    expect(['debian-13', 'ubuntu-24.04']).toContain(first)
    expect(events).toEqual([{ kind: 'note', text: expect.stringMatching(`^image ${first}: `) }])

    // Nothing stands yet: nothing is written.
    expect(existsSync(context.stateFolder)).toBe(false)
    await mkdir(context.stateFolder, { recursive: true })
    await chooseImage(context, testbed)
    const standing = path.join(context.stateFolder, 'image')
    expect(await readFile(standing, 'utf8')).toBe(`${first}\n`)
    await writeFile(standing, 'another\n')
    expect(await chooseImage(context, testbed)).toBe('another')
    expect(await chooseImage(context, await someTestbed('debian-13'))).toBe('debian-13')
    expect(events.length).toBe(2)
  })

  test('is Ubuntu where it is in the cache', async () => {
    const { context, events } = await scratchContext()
    const { image } = await locateGuestImage(context, await someTestbed('ubuntu-24.04'))
    await mkdir(path.dirname(image.disk), { recursive: true })
    expect(await chooseImage(context, await someTestbed('auto'))).toBe('ubuntu-24.04')
    expect(events).toEqual([{ kind: 'note', text: 'image ubuntu-24.04: it is in the cache' }])
  })
})

describe('the digest of debian-13', () => {
  test('follows from components and sources, not from what configures a booted host', async () => {
    const { context } = await scratchContext()
    const testbed = await someTestbed('debian-13')
    const digestOf = async (changes: Partial<typeof testbed>) =>
      (await locateGuestImage(context, { ...testbed, ...changes })).image.digest
    const digest = await digestOf({})
    expect(await digestOf({ name: 'other' })).toBe(digest)
    expect(await digestOf({ components: ['docker'] })).not.toBe(digest)
    expect(await digestOf({ sources: { ...testbed.sources, criu: 'sid' } })).not.toBe(digest)
  })
})

describeOnHosts('the build of debian-13', () => {
  test('without network says what cannot be reached, and leaves nothing but its log', async () => {
    const { context } = await scratchContext()
    process.env.MIGRATION_TESTBED_MIRROR = 'http://127.0.0.1:9/debian'
    try {
      await expect(prepareGuestImage(context, await someTestbed('debian-13'), never)).rejects.toMatchObject({
        kind: 'testbed',
        parts: {
          why: expect.arrayContaining([expect.stringMatching(/127\.0\.0\.1|connect/)]),
          hint: expect.stringContaining('http://127.0.0.1:9/debian'),
          log: path.join(context.cacheFolder, 'logs/image-debian-13.log'),
        },
      })
    } finally {
      delete process.env.MIGRATION_TESTBED_MIRROR
    }
    expect(await readdir(path.join(context.cacheFolder, 'guests'))).toEqual([])
  })

  test('on a full disk says so', async ({ skip }) => {
    const { context } = await scratchContext()
    const guests = path.join(context.cacheFolder, 'guests')
    await mkdir(guests, { recursive: true })
    const mounted = await runLocal(['mount', '-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', guests])
    if (mounted.exitCode !== 0) skip('a small disk cannot be mounted without root')
    try {
      await expect(prepareGuestImage(context, await someTestbed('debian-13'), never)).rejects.toMatchObject({
        parts: { hint: expect.stringContaining('make room') },
      })
      expect(await readdir(guests)).toEqual([])
    } finally {
      await runLocal(['umount', guests])
    }
  })
})

describeOnHosts(
  'the disk of debian-13',
  () => {
    test('gives a disk with the components and without an identity', async () => {
      const { context } = await scratchContext()
      const testbed = await someTestbed('debian-13')
      const image = await prepareGuestImage({ ...context, cacheFolder: cacheFolder() }, testbed, never)
      expect(existsSync(image.boot?.kernel ?? '')).toBe(true)
      const information = await runLocal(['qemu-img', 'info', '--output=json', image.disk])
      expect(JSON.parse(information.stdout)).toMatchObject({ format: 'qcow2', 'virtual-size': 8 * 2 ** 30 })

      const raw = path.join(await scratchFolder(), 'disk.raw')
      await runLocal(['qemu-img', 'convert', '-O', 'raw', image.disk, raw], { timeoutMs: 120_000 })
      const look = async (...commands: string[]) => {
        const answer = await runLocal(['/usr/sbin/debugfs', '-f', '-', raw], { input: commands.join('\n') })
        return answer.stdout
      }
      expect((await runLocal(['/usr/sbin/e2fsck', '-fn', raw])).exitCode).toBe(0)
      for (const program of ['/usr/sbin/dockerd', '/usr/sbin/criu', '/usr/bin/rsync', '/usr/sbin/sshd']) {
        expect(await look(`stat ${program}`)).toMatch(
          /Type: regular.*Mode:\s+0755[\s\S]*User:\s+0\s+Group:\s+0/,
        )
      }
      expect(await look('stat /etc/machine-id')).toMatch(/Size: 0/)
      expect(await look('ls /etc/ssh')).not.toContain('ssh_host')
      expect(await look('stat /etc/systemd/system/apt-daily.timer')).toContain('Fast link dest: "/dev/null"')
      expect(await look('cat /etc/criu/runc.conf')).toContain('tcp-established')
      expect(await look('ls -l /usr/local/lib/migration-testbed')).not.toContain('image')

      const listed = await listGuestImages({ ...context, cacheFolder: cacheFolder() }, testbed)
      const own = listed.find(({ name, state }) => name === 'debian-13' && state === 'cached')
      expect(own?.digest).toBe(image.digest)
      expect(own?.bytes).toBeGreaterThan(2 ** 28)
      await rm(raw)
    }, 400_000)
  },
  await lacks('qemu'),
)
