import { expect, test } from 'vitest'
import { parseFacts } from '../../../src/provision/facts.ts'

const said = `kernel\t6.12.1-amd64
architecture\tx86_64
distribution\tDebian GNU/Linux 13 (trixie)
cpus\t2
memoryBytes\t4123456789
clockSource\ttsc
cgroup\tv2
init\tsystemd
version.dockerd\t26.1.5+dfsg1
version.criu\t4.2.1
docker.experimental\ttrue
docker.storageDriver\toverlay2
docker.cgroupDriver\tsystemd
criu.mem_dirty_track\tyes
criu.uffd\tno
qdisc.tbf\tyes
qdisc.netem\tyes
limitsOfOthers\tyes
volumes.btrfs\tyes
volumes.rsync\tyes
`

test('every line of facts.sh has its place', () => {
  expect(parseFacts(said)).toEqual({
    kernel: '6.12.1-amd64',
    architecture: 'x86_64',
    distribution: 'Debian GNU/Linux 13 (trixie)',
    cpus: 2,
    memoryBytes: 4_123_456_789,
    clockSource: 'tsc',
    cgroup: 'v2',
    init: 'systemd',
    versions: { dockerd: '26.1.5+dfsg1', criu: '4.2.1' },
    docker: { experimental: true, storageDriver: 'overlay2', cgroupDriver: 'systemd' },
    criuFeatures: { mem_dirty_track: true, uffd: false },
    queueDisciplines: ['tbf', 'netem'],
    limitsOfOthers: true,
    volumeBackEnds: ['btrfs', 'rsync'],
  })
})

test('what a host did not say is unknown, never assumed', () => {
  const facts = parseFacts('kernel\t6.1\nnoise\n\tno name\n')
  expect(facts).toMatchObject({
    kernel: '6.1',
    distribution: 'unknown',
    clockSource: 'unknown',
    cpus: 0,
    init: 'other',
  })
  expect(facts).toMatchObject({
    versions: {},
    criuFeatures: {},
    queueDisciplines: [],
    limitsOfOthers: false,
    volumeBackEnds: [],
  })
  expect(facts).not.toHaveProperty('docker')
})
