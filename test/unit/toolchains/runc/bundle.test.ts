import { expect, test } from 'vitest'
import { bundleConfig } from '../../../../src/toolchains/runc/bundle.ts'

const options = {
  image: {},
  command: ['/bin/server', '--port', '80'],
  environment: {},
  networkNamespace: '/run/netns/x',
  criuConfiguration: '/bundle/criu.conf',
  cgroup: '/x',
  sharedMemory: '/run/x/shm',
  volumes: [],
}

test('the entry point stands before the command, and the workload’s environment over the image’s', () => {
  const image = {
    Entrypoint: ['/init', '--'],
    Env: ['PATH=/bin', 'MODE=a=b'],
    WorkingDir: '/srv',
    User: '1000:50',
  }
  expect(bundleConfig({ ...options, image, environment: { MODE: 'c', MORE: '1' } })).toMatchObject({
    process: {
      args: ['/init', '--', '/bin/server', '--port', '80'],
      env: ['PATH=/bin', 'MODE=c', 'MORE=1'],
      cwd: '/srv',
      user: { uid: 1000, gid: 50 },
    },
  })
})

test('what an image leaves open is root in the root folder', () => {
  const image = { Entrypoint: null, Env: null, WorkingDir: '', User: '' }
  expect(bundleConfig({ ...options, image })).toMatchObject({
    process: { args: options.command, env: [], cwd: '/', user: { uid: 0, gid: 0 }, terminal: false },
  })
})

test('the network and the options of CRIU come from outside', () => {
  expect(bundleConfig(options)).toMatchObject({
    annotations: { 'org.criu.config': '/bundle/criu.conf' },
    linux: { namespaces: expect.arrayContaining([{ type: 'network', path: '/run/netns/x' }]) },
  })
})

test('a user by name is refused, not taken for root', () => {
  expect(() => bundleConfig({ ...options, image: { User: 'redis' } })).toThrow("the image's user is redis")
})

test('a volume is mounted from the host, where it can be written to', () => {
  const volumes = [{ source: '/run/volumes/data', target: '/data' }]
  expect(bundleConfig({ ...options, volumes })).toMatchObject({
    mounts: expect.arrayContaining([
      { destination: '/data', type: 'bind', source: '/run/volumes/data', options: ['bind', 'rw'] },
    ]),
  })
})
