import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { runLocal } from '../../../src/core/process.ts'
import { cloudInitFiles } from '../../../src/providers/images/cloud-init.ts'
import type { GuestImage } from '../../../src/providers/images/guest-image.ts'
import { guestFiles, optionValue, seedGuest } from '../../../src/providers/images/seed.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { never, seed } from './support.ts'

const image = (how: GuestImage['seed']): GuestImage => ({
  name: 'lab',
  digest: 'd',
  disk: '/lab.qcow2',
  components: 'missing',
  seed: how,
})

test('a tar seed is a read-only disk with the files of the host, all root’s', async () => {
  const folder = await scratchFolder()
  const options = await seedGuest(image('tar'), folder, seed, never)
  const archive = path.join(folder, 'seed.tar')
  expect(options).toEqual([
    '-drive',
    `if=none,id=seed,format=raw,readonly=on,file=${archive}`,
    '-device',
    'virtio-blk-pci,drive=seed,serial=seed',
  ])
  expect(await readdir(folder)).toEqual(['seed.tar'])
  const { mode, size } = await stat(archive)
  expect((mode & 0o777).toString(8)).toBe('600')
  expect(size % 512).toBe(0) // a raw disk is made of sectors

  const listed = await runLocal(['tar', '--numeric-owner', '-tvf', archive])
  const entries = listed.stdout.trim().split('\n')
  expect(entries.map((line) => line.split(/\s+/).at(-1))).toEqual(Object.keys(guestFiles(seed)).sort())
  expect(entries.every((line) => line.includes(' 0/0 '))).toBe(true)
  const modeOf = (name: string) => entries.find((line) => line.endsWith(` ${name}`))?.split(' ')[0]
  expect(modeOf('etc/ssh/ssh_host_ed25519_key')).toBe('-rw-------')
  expect(modeOf('etc/hosts')).toBe('-rw-r--r--')
  const unpacked = await runLocal(['tar', '-xOf', archive, 'etc/hosts'])
  expect(unpacked.stdout).toBe('127.0.0.1 localhost\n10.91.0.2 host-a\n10.91.0.3 host-b\n')
})

test('the same seed gives the same bytes, another one others', async () => {
  const bytesOf = async (name: string) => {
    const folder = await scratchFolder()
    await seedGuest(image('tar'), folder, { ...seed, name }, never)
    return await readFile(path.join(folder, 'seed.tar'))
  }
  expect((await bytesOf('host-a')).equals(await bytesOf('host-a'))).toBe(true)
  expect((await bytesOf('host-a')).equals(await bytesOf('host-b'))).toBe(false)
})

test('NICs are told apart by MAC, and the service address is on the bridge', () => {
  const files = guestFiles(seed)
  const text = (name: string) => files[`etc/systemd/network/${name}`]?.text
  expect(text('10-mgmt0.link')).toContain('PermanentMACAddress=02:42:0a:5b:00:02')
  expect(text('10-service0.link')).toContain('PermanentMACAddress=06:42:0a:5b:01:02')
  expect(text('10-nat0.link')).toContain('Name=nat0')
  expect(text('20-svc0.netdev')).toBe(
    '[NetDev]\nName=svc0\nKind=bridge\nMACAddress=02:42:0a:5b:01:02\n\n[Bridge]\nSTP=no\nForwardDelaySec=0\n',
  )
  expect(text('30-service0.network')).toContain('Bridge=svc0')
  expect(text('30-svc0.network')).toContain('Address=10.91.1.2/24')
  expect(text('30-mgmt0.network')).toContain('Address=10.91.0.2/24')
})

test('cloud-init gets the same identity', async () => {
  const files = cloudInitFiles(seed)
  expect(files['user-data'].startsWith('#cloud-config\n')).toBe(true)
  expect(parse(files['user-data'])).toMatchObject({
    hostname: 'host-a',
    disable_root: false,
    ssh_keys: { ed25519_private: seed.hostKey.privateKey, ed25519_public: seed.hostKey.publicKey },
    users: [{ name: 'root', ssh_authorized_keys: [seed.publicKey] }],
  })
  expect(parse(files['network-config'])).toMatchObject({
    version: 2,
    ethernets: {
      mgmt0: { match: { macaddress: seed.mgmt.mac }, 'set-name': 'mgmt0', addresses: ['10.91.0.2/24'] },
      service0: { match: { macaddress: seed.service.nicMac } },
      nat0: { dhcp4: true },
    },
    bridges: {
      svc0: {
        interfaces: ['service0'],
        macaddress: seed.service.mac,
        addresses: ['10.91.1.2/24'],
        parameters: { stp: false, 'forward-delay': 0 },
      },
    },
  })
  const instance = (one: typeof seed) => parse(cloudInitFiles(one)['meta-data'])['instance-id']
  expect(instance(seed)).toBe(instance(seed))
  expect(instance({ ...seed, machineId: 'f'.repeat(32) })).not.toBe(instance(seed))
})

test('cloud-init reads it from a read-only volume named cidata', async () => {
  const folder = await scratchFolder()
  const options = await seedGuest(image('cloud-init'), folder, seed, never)
  expect(options[1]).toContain('driver=vvfat,label=cidata,read-only=on')
  expect((await readdir(path.join(folder, 'cidata'))).sort()).toEqual([
    'meta-data',
    'network-config',
    'user-data',
  ])
  expect(options).toContain(`type=11,value=io.systemd.credential:system.machine_id=${seed.machineId}`)
})

test('a builder’s name is one that systems take', () => {
  expect(guestFiles({ ...seed, name: '_builder' })['etc/hostname']?.text).toBe('builder\n')
})

test('a comma in a path is QEMU’s doubled one', () => {
  expect(optionValue('/a,b/c')).toBe('/a,,b/c')
})
