import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { loadImage } from '../../../src/toolchains/kubernetes/deploy.ts'
import { fakeHost, inFolder } from '../workloads/support.ts'

const signal = new AbortController().signal
const absent = { exitCode: 1 }

/** A node of a cluster that `has` the image, or finds it in its registry. */
function node(has: () => boolean, load?: { readonly exitCode: number }) {
  const { host, ran } = fakeHost(() => (has() ? {} : absent), load)
  const facts = { ...host.facts, versions: { kubernetes: '1.34.4' } }
  return { host: { ...host, facts }, did: () => ran.map((argv) => argv.at(-2)) }
}

function imageAt(archive: string) {
  return { id: 'sha256:11', name: 'migration-testbed/sample:1', archive, bytes: 7 }
}

test('the first node gives the image to the registry, and the others wait to have it from there', () =>
  inFolder(async (folder) => {
    const image = imageAt(path.join(folder, 'image.tar'))
    await writeFile(image.archive, 'archive')
    const first = node(() => false)
    const others = [1, 2].map(() => node(() => first.did().includes('take')))
    await Promise.all([first, ...others].map(({ host }) => loadImage(host, image, signal)))
    expect(first.did()).toEqual(['has', 'take'])
    expect(others.map(({ did }) => did())).toEqual([['has'], ['has']])
  }))

test('a node whose first one failed gives the image itself', () =>
  inFolder(async (folder) => {
    const image = imageAt(path.join(folder, 'image.tar'))
    await writeFile(image.archive, 'archive')
    const nodes = [node(() => false, { exitCode: 1 }), node(() => false)]
    const [first, second] = await Promise.allSettled(nodes.map(({ host }) => loadImage(host, image, signal)))
    expect(first?.status).toBe('rejected')
    expect(second?.status).toBe('fulfilled')
    expect(nodes[1]?.did()).toEqual(['has', 'take'])
  }))

test('a host that is no node is given nothing', async () => {
  const { host, ran } = fakeHost(() => absent)
  await loadImage(host, imageAt('/nowhere'), signal)
  expect(ran).toEqual([])
})
