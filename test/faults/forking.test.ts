import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../src/config/paths.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { bringUpHere, type TestbedHere } from '../support/running-testbed.ts'

const dumps = 15
const freeze = '/usr/local/lib/migration-testbed/provision/runc/freeze.sh'

// CRIU lists processes while it freezes them, and refuses two thirds of these dumps when nobody else froze them before.
describeOnHosts('a workload that forks all the time', () => {
  let testbed: TestbedHere
  beforeAll(async () => {
    testbed = await bringUpHere(54)
  })
  afterAll(() => testbed.remove())

  test('is frozen whole, and no dump of it is refused', async () => {
    const [host] = testbed.running.hosts
    const script = await readFile(path.join(packageRoot, 'test', 'faults', 'forking.sh'), 'utf8')
    const argv = ['sh', '-c', script, 'sh', freeze, String(dumps)] as const
    const said = await host?.run({ argv }, { timeoutMs: 300_000 })
    expect(said?.stdout.trim(), said?.stderr).toBe(`0 of ${dumps} refused`)
  })
})
