import { loadTestbed } from '../../src/config/testbed.ts'
import type { RunningTestbed } from '../../src/testbed/running.ts'
import { bringUp } from '../../src/testbed/up.ts'
import { makeTestbedFolder, type TestbedFolder } from './testbed-folder.ts'

export interface TestbedHere {
  readonly folder: TestbedFolder
  readonly running: RunningTestbed
  remove(): Promise<void>
}

/** Two namespace hosts, up in this process, whose working folder is the testbed's meanwhile. Arguments as of makeTestbedFolder. */
export async function bringUpHere(index: number, settings = ''): Promise<TestbedHere> {
  const home = process.cwd()
  const folder = await makeTestbedFolder(index, 2, { settings })
  const leave = async () => {
    process.chdir(home)
    await folder.remove()
  }
  process.chdir(folder.path)
  try {
    const loaded = await loadTestbed(folder.file)
    const never = new AbortController().signal
    const running = await bringUp(loaded, { progress: () => undefined, signal: never })
    return { folder, running, remove: () => running.close().then(leave) }
  } catch (error) {
    await leave()
    throw error
  }
}
