import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nearest } from '../../config/nearest.ts'
import { projectFolders } from '../../config/paths.ts'
import { TestbedError } from '../../core/errors.ts'
import { print } from '../output.ts'
import type { Session } from '../session.ts'

export async function schema(_: Session, __: unknown, args: readonly string[]): Promise<undefined> {
  const [name = ''] = args
  const names = (await readdir(projectFolders.schemas))
    .map((file) => file.replace(/\.schema\.json$/, ''))
    .sort()
  if (!names.includes(name)) {
    const near = nearest(name, names)
    throw new TestbedError('configuration', `there is no schema ${name}`, {
      why: [`schemas are ${names.join(', ')}`],
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    })
  }
  print(await readFile(join(projectFolders.schemas, `${name}.schema.json`), 'utf8'))
}
