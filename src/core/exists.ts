import { access } from 'node:fs/promises'

/** Whether there is a file or a folder at `path`, whatever may be done with it. */
export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
