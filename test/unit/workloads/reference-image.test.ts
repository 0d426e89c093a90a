import { expect, test } from 'vitest'
import { address, isLocal, skopeoReasons } from '../../../src/workloads/reference-image.ts'

const digest = 'a'.repeat(64)

test.each([
  ['nginx:1.29', 'nginx'],
  ['lab/nginx:1.29', 'lab/nginx'],
  ['localhost:5000/nginx:1.29', 'localhost:5000/nginx'],
  [`registry.example:5000/nginx@sha256:${'b'.repeat(64)}`, 'registry.example:5000/nginx'],
  [`nginx:1.29@sha256:${'b'.repeat(64)}`, 'nginx'],
])('%s is fetched by the digest that was looked at', (reference, repository) => {
  expect(address(reference, digest)).toBe(`${repository}@sha256:${digest}`)
})

test.each([
  ['localhost:5000/nginx:1', true],
  ['127.0.0.1:5000/nginx:1', true],
  ['localhost/nginx:1', true],
  ['registry.example:5000/nginx:1', false],
  ['localhost.example/nginx:1', false],
  ['nginx:1', false],
])('%s: without TLS is %s', (reference, local) => {
  expect(isLocal(reference)).toBe(local)
})

test("skopeo's reasons are shown without its log format", () => {
  const stderr =
    'time="2026-11-22T03:01:22Z" level=fatal msg="Error parsing image name \\"docker://x\\": refused"\n'
  expect(skopeoReasons(stderr)).toEqual(['Error parsing image name "docker://x": refused'])
  expect(skopeoReasons('plain words\n')).toEqual(['plain words'])
})
