import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import type { ResolvedWorkload } from '../../../src/config/resolved.ts'
import { mmdebstrapArguments, recipeDigest } from '../../../src/workloads/packages-image.ts'
import { inFolder, workloadWith } from './support.ts'

type PackagesImage = Extract<ResolvedWorkload['image'], { kind: 'packages' }>

describe('recipeDigest', () => {
  test('covers all that decides what is in the image, and nothing else', () =>
    inFolder(async (folder) => {
      const source = path.join(folder, 'page.html')
      await writeFile(source, 'one')
      const digestWith = (image: Partial<PackagesImage> = {}, parts: Partial<ResolvedWorkload> = {}) => {
        const files = [{ source, target: '/srv/page.html', mode: '0644' }]
        return recipeDigest(workloadWith(parts), {
          kind: 'packages',
          packages: ['lighttpd', 'curl'],
          files,
          ...image,
        })
      }
      const digest = await digestWith()
      expect(digest).toMatch(/^[0-9a-f]{16}$/)

      expect(await digestWith({ packages: ['curl', 'lighttpd'] })).toBe(digest)
      expect(await digestWith({}, { port: 81, description: 'other', readyTimeoutMs: 1 })).toBe(digest)

      const others = [
        await digestWith({ packages: ['lighttpd'] }),
        await digestWith({ files: [{ source, target: '/srv/page.html', mode: '0600' }] }),
        await digestWith({ files: [{ source, target: '/srv/other.html', mode: '0644' }] }),
        await digestWith({}, { command: ['/bin/other'] }),
        await digestWith({}, { environment: { A: 'b' } }),
        await digestWith({}, { stopSignal: 'SIGINT' }),
      ]
      await writeFile(source, 'two')
      others.push(await digestWith())
      expect(new Set([digest, ...others]).size).toBe(1 + others.length)
    }))

  test('a file that is not there is a configuration error that names it', async () => {
    const files = [{ source: '/nowhere/page.html', target: '/page.html', mode: '0644' }]
    await expect(
      recipeDigest(workloadWith(), { kind: 'packages', packages: [], files }),
    ).rejects.toMatchObject({ kind: 'configuration', message: '/nowhere/page.html is not a file' })
  })
})

test('mmdebstrap gets the packages, the archive and what is needed to reach it', () => {
  const source = {
    uri: 'http://mirror.example/debian',
    aptOptions: ['Acquire::Retries "3"'],
    keyring: '/keys.gpg',
  }
  const argv = mmdebstrapArguments(['redis-server', 'curl'], source, '/out/layer.tar')
  expect(argv).toEqual(
    expect.arrayContaining([
      '--aptopt=Acquire::Retries "3"',
      '--keyring=/keys.gpg',
      '--include=redis-server,curl',
    ]),
  )
  expect(argv.slice(-3)).toEqual(['trixie', '/out/layer.tar', 'deb http://mirror.example/debian trixie main'])
  expect(mmdebstrapArguments([], source, '/out').some((argument) => argument.startsWith('--include'))).toBe(
    false,
  )
})
