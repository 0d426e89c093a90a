import { expect, test } from 'vitest'
import { packageRoot } from '../../../src/config/paths.ts'
import { componentNames } from '../../../src/config/resolved.ts'
import { listComponents, selectComponents } from '../../../src/provision/components.ts'

const namesOf = (components: readonly { name: string }[]) => components.map(({ name }) => name)

test('components are the numbered folders of provision/, in their order', async () => {
  const all = await listComponents(packageRoot)
  expect(namesOf(all).slice(0, 3)).toEqual(['base', 'docker', 'criu'])
  expect(all.map(({ folder }) => folder)).toEqual(all.map(({ folder }) => folder).toSorted())
  expect(all.every(({ folder, name }) => /^\d\d-/.test(folder) && folder.endsWith(`-${name}`))).toBe(true)
})

test('every component that a testbed may name is there', async () => {
  expect(namesOf(await listComponents(packageRoot))).toEqual(expect.arrayContaining([...componentNames]))
})

test('base comes first, the others in their own order, whatever the order asked for', async () => {
  expect(namesOf(await selectComponents(packageRoot, ['criu', 'docker']))).toEqual(['base', 'docker', 'criu'])
  expect(namesOf(await selectComponents(packageRoot, []))).toEqual(['base'])
})

test('an unknown component is the mistake of whoever asked', async () => {
  await expect(selectComponents(packageRoot, ['docker', 'crio'])).rejects.toMatchObject({
    kind: 'configuration',
    message: 'there is no component crio',
    parts: { hint: expect.stringContaining('base, docker, criu') },
  })
})
