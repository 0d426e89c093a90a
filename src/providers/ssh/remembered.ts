import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { HostAddress } from '../../hosts/address.ts'

/**
 * Which machines a testbed uses and how they are reached, written down before anything is made on them: the machines bear
 * our mark, but somebody has to know where to look for it.
 */
export interface Remembered {
  readonly allowKill: boolean
  readonly hosts: readonly HostAddress[]
}

const fileOf = (stateFolder: string): string => join(stateFolder, 'machines.json')

export async function remember(stateFolder: string, remembered: Remembered): Promise<void> {
  await mkdir(stateFolder, { recursive: true })
  await writeFileAtomic(fileOf(stateFolder), `${JSON.stringify(remembered, undefined, 2)}\n`)
}

export async function recall(stateFolder: string): Promise<Remembered> {
  try {
    return JSON.parse(await readFile(fileOf(stateFolder), 'utf8')) as Remembered
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { allowKill: false, hosts: [] }
    throw error
  }
}

export async function forget(stateFolder: string): Promise<void> {
  await rm(fileOf(stateFolder), { force: true })
}
