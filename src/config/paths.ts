import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Holds package.json; two levels up from here in `src/` as in `dist/`. */
export const packageRoot = fileURLToPath(new URL('../../', import.meta.url))

/** The project's own folders, absolute. */
export const projectFolders = {
  schemas: path.join(packageRoot, 'schemas'),
  testbeds: path.join(packageRoot, 'testbed'),
  images: path.join(packageRoot, 'testbed', 'images'),
  experiments: path.join(packageRoot, 'experiments'),
  workloads: path.join(packageRoot, 'experiments', 'workloads'),
} as const

/**
 * What the command line names: a bare name (`namespaces`) is a file of the project's own folder,
 * anything with a slash or an extension is a path from the working directory.
 */
export function configurationFile(argument: string, folder: string): string {
  const bare = path.basename(argument) === argument && !/\.ya?ml$/.test(argument)
  return bare ? path.join(folder, `${argument}.yaml`) : path.resolve(argument)
}

/** As a person would type it: relative when it lies under the working directory, absolute otherwise. */
export function displayPath(file: string): string {
  const relative = path.relative(process.cwd(), file)
  return relative === '' || relative.startsWith('..') || path.isAbsolute(relative) ? file : relative
}
