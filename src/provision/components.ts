import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { TestbedError } from '../core/errors.ts'

/** A folder of `provision/`: how one thing becomes ready on a host. */
export interface Component {
  /** `docker` */
  readonly name: string
  /** `20-docker`: folders are run in this order. */
  readonly folder: string
}

/** Every component there is, in order. */
export async function listComponents(projectFolder: string): Promise<Component[]> {
  const folders = await readdir(join(projectFolder, 'provision'))
  return folders
    .filter((folder) => /^\d\d-/.test(folder))
    .sort()
    .map((folder) => ({ folder, name: folder.slice(3) }))
}

/** The components that a testbed asks for, `base` always first. @throws TestbedError when there is no such component. */
export async function selectComponents(
  projectFolder: string,
  wanted: readonly string[],
): Promise<Component[]> {
  const all = await listComponents(projectFolder)
  const unknown = wanted.find((name) => !all.some((component) => component.name === name))
  if (unknown !== undefined) {
    throw new TestbedError('configuration', `there is no component ${unknown}`, {
      hint: `components are ${all.map((component) => component.name).join(', ')}`,
    })
  }
  return all.filter(({ name }) => name === 'base' || wanted.includes(name))
}
