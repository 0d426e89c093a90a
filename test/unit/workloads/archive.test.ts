import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { mustRunLocal } from '../../../src/core/process.ts'
import { writeArchive } from '../../../src/workloads/archive.ts'
import { appendFiles } from '../../../src/workloads/packages-image.ts'
import { inFolder } from './support.ts'

const settings = {
  name: 'migration-testbed/sample:0123456789abcdef',
  architecture: 'amd64',
  command: ['/bin/serve', '--quiet'],
  environment: { GREETING: 'hello' },
  stopSignal: 'SIGINT',
}

/** A small root file system as a tar, the same every time. */
async function makeLayer(folder: string, name: string): Promise<string> {
  const root = path.join(folder, `${name}-root`)
  await mkdir(path.join(root, 'etc'), { recursive: true })
  await chmod(path.join(root, 'etc'), 0o750)
  await writeFile(path.join(root, 'etc', 'motd'), 'hello\n')
  const layer = path.join(folder, name)
  await mustRunLocal([
    'tar',
    '--create',
    `--file=${layer}`,
    `--directory=${root}`,
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--format=pax',
    '--pax-option=exthdr.name=%d/%f,delete=atime,delete=ctime',
    '.',
  ])
  return layer
}

const extract = async (archive: string, member: string) =>
  (await mustRunLocal(['tar', '--extract', '--to-stdout', `--file=${archive}`, member])).stdout

test('an archive is the same, ID and bytes, whenever and wherever it is written', () =>
  inFolder(async (folder) => {
    const write = async (name: string) => {
      const archive = path.join(folder, `${name}.tar`)
      const layer = await makeLayer(folder, name)
      const { id } = await writeArchive({ layer, ...settings }, path.join(folder, `${name}-parts`), archive)
      return { id, bytes: await readFile(archive) }
    }
    const first = await write('first')
    const second = await write('second')
    expect(second.id).toBe(first.id)
    expect(second.bytes.equals(first.bytes)).toBe(true)
  }))

test('an archive is both what docker save writes and an OCI layout, of the same blobs', () =>
  inFolder(async (folder) => {
    const archive = path.join(folder, 'image.tar')
    const layer = await makeLayer(folder, 'layer.tar')
    const layerDigest = createHash('sha256')
      .update(await readFile(layer))
      .digest('hex')
    const { id } = await writeArchive({ layer, ...settings }, path.join(folder, 'parts'), archive)

    const [saved] = JSON.parse(await extract(archive, 'manifest.json'))
    expect(saved.RepoTags).toEqual([settings.name])
    expect(saved.Layers).toEqual([`blobs/sha256/${layerDigest}`])
    const config = await extract(archive, saved.Config)
    expect(`sha256:${createHash('sha256').update(config).digest('hex')}`).toBe(id)
    expect(JSON.parse(config)).toMatchObject({
      architecture: 'amd64',
      os: 'linux',
      config: {
        Cmd: ['/bin/serve', '--quiet'],
        Env: ['GREETING=hello', expect.stringMatching(/^PATH=/)],
        StopSignal: 'SIGINT',
      },
      rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
    })

    const index = JSON.parse(await extract(archive, 'index.json'))
    const [{ digest, size }] = index.manifests
    const manifest = await extract(archive, `blobs/sha256/${digest.slice(7)}`)
    expect(size).toBe(Buffer.byteLength(manifest))
    expect(JSON.parse(manifest)).toMatchObject({
      config: { digest: id },
      layers: [{ digest: `sha256:${layerDigest}` }],
    })
  }))

test('another command is another image, though the root file system is the same', () =>
  inFolder(async (folder) => {
    const write = async (name: string, command: readonly string[]) => {
      const layer = await makeLayer(folder, name)
      const content = { layer, ...settings, command }
      return (
        await writeArchive(content, path.join(folder, `${name}-parts`), path.join(folder, `${name}.tar`))
      ).id
    }
    expect(await write('first', ['/bin/a'])).not.toBe(await write('second', ['/bin/b']))
  }))

test("a workload's files are added as root's, with their modes, and folders keep the packages' modes", () =>
  inFolder(async (folder) => {
    const layer = await makeLayer(folder, 'layer.tar')
    const source = path.join(folder, 'server.py')
    await writeFile(source, 'print("hello")\n', { mode: 0o600 })
    const files = [{ source, target: '/etc/sample/server.py', mode: '0755' }]
    await appendFiles(files, layer, path.join(folder, 'staging'))
    const listing = (await mustRunLocal(['tar', '--list', '--verbose', '--numeric-owner', `--file=${layer}`]))
      .stdout
    const lines = listing.trim().split('\n')
    expect(lines.find((line) => line.endsWith('./etc/sample/server.py'))).toMatch(
      /^-rwxr-xr-x 0\/0 +15 1970-01-01/,
    )
    expect(lines.filter((line) => line.endsWith('./etc/'))).toEqual([expect.stringMatching(/^drwxr-x---/)])
    expect(await extract(layer, './etc/sample/server.py')).toBe('print("hello")\n')
  }))
