import { expect, test } from 'vitest'
import { packageRoot } from '../../../src/config/paths.ts'
import {
  guestImageNames,
  imageMirrorVariable,
  parseCloudRecipe,
  readRecipe,
} from '../../../src/providers/images/recipe.ts'

const file = '/images/lab/image.yaml'
const sha256 = '0'.repeat(64)
const url = 'https://images.example/release/lab.img'
const text = `url: ${url}\nsha256: ${sha256}\n`

test('the images of the project', async () => {
  expect(await guestImageNames(packageRoot)).toEqual(['debian-13', 'ubuntu-24.04'])
  expect(await readRecipe(packageRoot, 'debian-13')).toMatchObject({ kind: 'packages', name: 'debian-13' })
  const ubuntu = await readRecipe(packageRoot, 'ubuntu-24.04', {})
  expect(ubuntu).toMatchObject({ kind: 'cloud', architecture: 'x64' })
  // A dated release: what `current` names changes, and its digest with it.
  expect(ubuntu.kind === 'cloud' && ubuntu.url).toMatch(/\/release-\d{8}\//)
})

test('an image that is not there is told with those that are', async () => {
  await expect(readRecipe(packageRoot, 'debian-31')).rejects.toMatchObject({
    kind: 'configuration',
    parts: { hint: 'guest images are debian-13, ubuntu-24.04' },
  })
})

test('image.yaml names a file and its digest', () => {
  expect(parseCloudRecipe('lab', file, text)).toEqual({
    kind: 'cloud',
    name: 'lab',
    url,
    sha256,
    architecture: 'x64',
  })
})

test('a mirror has the same file under its own name', () => {
  const at = (mirror: string) => parseCloudRecipe('lab', file, text, { [imageMirrorVariable]: mirror }).url
  expect(at('http://10.0.0.1/images/')).toBe('http://10.0.0.1/images/lab.img')
  expect(at('file:///srv/images')).toBe('file:///srv/images/lab.img')
  expect(at('')).toBe(url)
  expect(() => at('/srv/images')).toThrow(imageMirrorVariable)
})

test.each([
  ['a: [', 'this is not YAML'],
  ['', 'url is not the address of an image'],
  [`url: ftp://x/y\nsha256: ${sha256}`, 'url is not the address of an image'],
  [`url: ${url}`, 'sha256 is not a SHA-256 digest'],
  [`url: ${url}\nsha256: abc`, 'sha256 is not a SHA-256 digest'],
])('%j: %s', (content, message) => {
  expect(() => parseCloudRecipe('lab', file, content)).toThrow(message)
  try {
    parseCloudRecipe('lab', file, content)
  } catch (error) {
    expect(error).toMatchObject({ kind: 'configuration', parts: { where: file } })
  }
})
