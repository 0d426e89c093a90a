import { withoutNoise } from './format.ts'

/** As `schemas/report.schema.json` describes it, with a newline at the end. */
export function renderJson(value: unknown): string {
  const clean = (_key: string, part: unknown) => (typeof part === 'number' ? withoutNoise(part) : part)
  return `${JSON.stringify(value, clean, 2)}\n`
}
