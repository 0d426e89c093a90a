import type { Process } from './host.ts'

/** Reads all that a process says. Answers a function that tells what that is so far. */
export function collectOutput({ stdout, stderr }: Pick<Process, 'stdout' | 'stderr'>): () => string {
  let said = ''
  for (const output of [stdout, stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  }
  return () => said
}
