import { createHash } from 'node:crypto'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { packageRoot } from '../../../src/config/paths.ts'
import type { ComponentSources } from '../../../src/config/resolved.ts'
import { runLocal } from '../../../src/core/process.ts'
import { ensureK3s } from '../../../src/provision/kubernetes/k3s.ts'
import { ensureKubernetes } from '../../../src/provision/kubernetes/program.ts'

let cacheFolder: string
const PATH = process.env.PATH
const { signal } = new AbortController()
beforeEach(async () => {
  cacheFolder = await mkdtemp(path.join(tmpdir(), 'cache-'))
})
afterEach(async () => {
  process.env.PATH = PATH
  await rm(cacheFolder, { recursive: true })
})

const context = () => ({ projectFolder: packageRoot, cacheFolder, progress: () => {} })
const from = (kubernetes: ComponentSources['kubernetes'], wanted = {}) => ({
  sources: { docker: 'distribution', criu: 'auto', kubernetes } as const,
  k3s: wanted,
  kubeadm: wanted,
})
const program = 'not k3s at all'
const sha256 = createHash('sha256').update(program).digest('hex')

test('without Go it is told what to install, and nothing half-made is left', async () => {
  process.env.PATH = cacheFolder
  await expect(ensureKubernetes(context(), from('modules'), signal)).rejects.toMatchObject({
    kind: 'prerequisite',
    message: 'Kubernetes has to be built, and this machine has no Go',
    parts: { hint: expect.stringContaining('install Go 1.24') },
  })
  expect(await readdir(path.join(cacheFolder, 'kubernetes'))).toEqual([])
})

test('k3s comes from a file of this machine that has the digest, and from the cache afterwards', async () => {
  const file = path.join(cacheFolder, 'k3s-of-mine')
  await writeFile(file, program)
  await chmod(file, 0o400)
  // Where there is no Go nothing has to be asked for.
  process.env.PATH = cacheFolder
  const wanted = { version: 'v1.34.9+k3s1', sha256, file }
  const found = await ensureKubernetes(context(), from('auto', wanted), signal)
  expect(found).toMatchObject({ source: 'k3s', version: '1.34.9+k3s1', programs: ['kube'] })
  const kube = path.join(found.folder, 'kube')
  expect(await readFile(kube, 'utf8')).toBe(program)
  expect((await stat(kube)).mode & 0o777).toBe(0o755)
  await rm(file)
  expect(await ensureKubernetes(context(), from('k3s', wanted), signal)).toEqual(found)
})

test('a k3s of another digest is refused with both, and nothing is kept', async () => {
  const file = path.join(cacheFolder, 'k3s-of-mine')
  await writeFile(file, program)
  await expect(ensureK3s(context(), { file }, signal)).rejects.toMatchObject({
    message: expect.stringMatching(/^the downloaded program k3s v\S+ is not the one that was expected$/),
    parts: {
      why: [expect.stringMatching(/^SHA-256 expected [0-9a-f]{64}$/), `SHA-256 found    ${sha256}`],
      hint: expect.stringContaining('k3s.sha256 of the testbed file'),
    },
  })
  expect(await readdir(path.join(cacheFolder, 'kubernetes'))).toEqual([])
  expect(await readdir(path.join(cacheFolder, 'downloads'))).toEqual([])
})

test('a file that is not there is named, with what else could be taken', async () => {
  const file = path.join(cacheFolder, 'nowhere')
  await expect(ensureK3s(context(), { file, sha256 }, signal)).rejects.toMatchObject({
    message: expect.stringContaining('k3s v'),
    parts: {
      where: `file://${file}`,
      why: [expect.stringContaining('ENOENT')],
      hint: expect.stringContaining('sources: { kubernetes: modules }'),
    },
  })
})

async function kubeadmFolder(names: readonly string[]): Promise<string> {
  const folder = path.join(cacheFolder, 'of-mine')
  await mkdir(folder)
  for (const name of names)
    await writeFile(path.join(folder, name), `#!/bin/sh\necho v1.34.9\n`, { mode: 0o755 })
  return folder
}

test('kubeadm comes from a folder of this machine, with images, as programs of one name', async () => {
  const folder = await kubeadmFolder(['kubeadm', 'kubelet', 'kubectl', 'images.tar'])
  const found = await ensureKubernetes(context(), from('kubeadm', { folder }), signal)
  const programs = ['kube', 'kubeadm', 'kubelet', 'kubectl', 'images.tar']
  expect(found).toMatchObject({ source: 'kubeadm', version: '1.34.9', programs })
  await writeFile(path.join(found.folder, 'kubectl'), '#!/bin/sh\necho asked "$@"\n')
  const asked = await runLocal([path.join(found.folder, 'kube'), 'kubectl', 'get', 'two words'])
  expect(asked.stdout).toBe('asked get two words\n')
  expect(await ensureKubernetes(context(), from('kubeadm', { folder }), signal)).toEqual(found)
  await utimes(path.join(folder, 'kubelet'), 1, 1)
  const anew = await ensureKubernetes(context(), from('kubeadm', { folder }), signal)
  expect(anew.digest).not.toBe(found.digest)
})

test('a folder that lacks a program of kubeadm is refused with what it lacks', async () => {
  const folder = await kubeadmFolder(['kubeadm', 'kubectl'])
  await expect(ensureKubernetes(context(), from('kubeadm', { folder }), signal)).rejects.toMatchObject({
    kind: 'configuration',
    message: 'the folder of kubeadm lacks kubelet',
    parts: { where: folder, hint: expect.stringContaining('kubeadm, kubelet, kubectl') },
  })
})

test('without apt the packages of kubeadm cannot be had, and nothing half-made is left', async () => {
  for (const name of ['sh', 'rm']) await symlink(`/bin/${name}`, path.join(cacheFolder, name))
  process.env.PATH = cacheFolder
  await expect(ensureKubernetes(context(), from('kubeadm'), signal)).rejects.toMatchObject({
    message: 'fetching kubeadm v1.34.4 failed (exit 1)',
    parts: {
      why: ['the packages of Kubernetes need apt-get, which this machine lacks'],
      hint: expect.stringContaining('kubeadm: { folder: … }'),
    },
  })
  expect(await readdir(path.join(cacheFolder, 'kubernetes'))).toEqual([])
})
