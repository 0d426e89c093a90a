import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { packageRoot } from '../../../src/config/paths.ts'
import { ensureKubernetes } from '../../../src/provision/kubernetes/binary.ts'

let cacheFolder: string
const PATH = process.env.PATH
beforeEach(async () => {
  cacheFolder = await mkdtemp(path.join(tmpdir(), 'cache-'))
})
afterEach(async () => {
  process.env.PATH = PATH
  await rm(cacheFolder, { recursive: true })
})

test('without Go it is told what to install, and nothing half-made is left', async () => {
  process.env.PATH = cacheFolder
  const context = { projectFolder: packageRoot, cacheFolder, progress: () => {} }
  await expect(ensureKubernetes(context, new AbortController().signal)).rejects.toMatchObject({
    kind: 'prerequisite',
    message: 'Kubernetes has to be built, and this machine has no Go',
    parts: { hint: expect.stringContaining('install Go 1.24') },
  })
  expect(await readdir(path.join(cacheFolder, 'kubernetes'))).toEqual([])
})
