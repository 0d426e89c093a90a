// A clean environment of two virtual machines again: `testbed rebuild` with provider qemu, which returns to live snapshots,
// against `vagrant destroy -f && vagrant up` of the same two machines. Both on this machine, one after the other.
//   npm run bench:rebuild -- [--repetitions 5]
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { packageRoot } from '../src/config/paths.ts'
import { loadTestbed } from '../src/config/testbed.ts'
import { systemClock } from '../src/core/time.ts'
import { cacheFolder } from '../src/testbed/state.ts'
import { vagrantSettings } from '../test/vm/libvirt.ts'
import { timeCommand } from './support/command-line.ts'
import { median, printTable } from './support/table.ts'
import { timeVagrantRebuild } from './support/vagrant.ts'

const limitSeconds = 10
const leastRatio = 20

const { values: options } = parseArgs({ options: { repetitions: { type: 'string', default: '5' } } })
const folder = await mkdtemp(join(tmpdir(), 'testbed-rebuild-'))
const file = join(folder, 'testbed.yaml')
await writeFile(
  file,
  `name: rebuild
hosts: 2
networks:
  mgmt: { subnet: 10.95.1.0/24 }
  service: { subnet: 10.95.2.0/24 }
${vagrantSettings}`,
)

/** Process start and SSH sessions to both hosts included. */
const time = (...args: string[]) => timeCommand([...args, '--testbed', file], { cwd: folder })

const rebuilds: number[] = []
try {
  await time('up', '--provider', 'qemu')
  for (let n = 0; n < Number(options.repetitions); n += 1) rebuilds.push(await time('rebuild'))
} finally {
  await time('down')
}

const { value: testbed } = await loadTestbed(file)
const context = {
  stateFolder: join(folder, '.testbed', 'with-vagrant'),
  cacheFolder: cacheFolder(),
  projectFolder: packageRoot,
  progress: () => {},
  clock: systemClock,
}
const vagrant = await timeVagrantRebuild(testbed, context, new AbortController().signal)
const vagrantSeconds = vagrant.destroySeconds + vagrant.upSeconds
await rm(folder, { recursive: true, force: true })

const rebuild = median(rebuilds)
const worst = Math.max(...rebuilds)
printTable(
  ['two machines', 'seconds', 'worst', 'n'],
  [
    ['testbed rebuild (qemu)', rebuild.toFixed(2), worst.toFixed(2), String(rebuilds.length)],
    ['vagrant destroy -f', vagrant.destroySeconds.toFixed(1), '', '1'],
    ['vagrant up', vagrant.upSeconds.toFixed(1), '', '1'],
    ['vagrant ÷ rebuild', (vagrantSeconds / rebuild).toFixed(1), (vagrantSeconds / worst).toFixed(1), ''],
  ],
)
if (worst > limitSeconds || vagrantSeconds / worst < leastRatio) process.exitCode = 1
