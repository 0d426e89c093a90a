import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { WorkloadImage } from '../../../src/workloads/image.ts'
import { loadImage } from '../../../src/workloads/load.ts'
import { fakeHost, inFolder } from './support.ts'

const image = (archive: string): WorkloadImage => ({
  id: 'sha256:11',
  name: 'migration-testbed/sample:1',
  archive,
  bytes: 300_000,
})
const absent = { exitCode: 1, stderr: 'Error: No such image' }

test('a host that has the image is sent nothing', async () => {
  const { host, ran } = fakeHost(() => ({ stdout: 'sha256:11\n' }))
  expect(await loadImage(host, image('/nowhere'))).toBe(false)
  expect(ran).toEqual([['docker', 'image', 'inspect', '--format', '{{.Id}}', 'sha256:11']])
})

test('the archive is streamed into docker load, and the ID is checked afterwards', () =>
  inFolder(async (folder) => {
    const archive = path.join(folder, 'image.tar')
    const content = Buffer.alloc(300_000, 'archive')
    await writeFile(archive, content)
    const { host, ran, streamed } = fakeHost((argv) =>
      argv.at(-1) === 'sha256:11' ? absent : { stdout: 'sha256:11\n' },
    )
    expect(await loadImage(host, image(archive))).toBe(true)
    expect(Buffer.concat(streamed).equals(content)).toBe(true)
    expect(ran.map((argv) => argv.slice(0, 3).join(' '))).toEqual([
      'docker image inspect',
      'docker load --quiet',
      'docker image inspect',
    ])
  }))

test('an engine that counts IDs otherwise is an error that says so', () =>
  inFolder(async (folder) => {
    const archive = path.join(folder, 'image.tar')
    await writeFile(archive, 'archive')
    const { host } = fakeHost((argv) => (argv.at(-1) === 'sha256:11' ? absent : { stdout: 'sha256:22\n' }))
    await expect(loadImage(host, image(archive))).rejects.toMatchObject({
      kind: 'testbed',
      parts: { where: 'host-a', why: ['made as sha256:11', 'loaded as sha256:22'] },
    })
  }))

test('what docker load says is the reason of its failure', () =>
  inFolder(async (folder) => {
    const archive = path.join(folder, 'image.tar')
    await writeFile(archive, 'archive')
    const { host } = fakeHost(() => absent, { exitCode: 1, says: 'archive/tar: invalid tar header\n' })
    await expect(loadImage(host, image(archive))).rejects.toMatchObject({
      message: 'docker load of migration-testbed/sample:1 failed (exit 1)',
      parts: { where: 'host-a', why: ['archive/tar: invalid tar header'] },
    })
  }))

test('an archive that is gone is an error, not a wait without end', async () => {
  const { host } = fakeHost(() => absent)
  await expect(loadImage(host, image('/nowhere/image.tar'))).rejects.toMatchObject({ kind: 'testbed' })
})
