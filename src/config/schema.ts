import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Ajv, type ErrorObject } from 'ajv'
import { projectFolders } from './paths.ts'

export const schemaNames = ['testbed', 'experiment', 'workload'] as const
export type SchemaName = (typeof schemaNames)[number]

/** The JSON Schema (draft-07) that editors use, too. */
export async function readSchema(name: SchemaName): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path.join(projectFolders.schemas, `${name}.schema.json`), 'utf8'))
}

/** Checks `value` against the schema and writes the schema's defaults into it. Each error carries its data and schema. */
export async function validate(name: SchemaName, value: unknown): Promise<readonly ErrorObject[]> {
  const ajv = new Ajv({
    strict: true,
    allErrors: true,
    verbose: true,
    useDefaults: true,
    allowUnionTypes: true,
    logger: false,
    // Checking the schemas themselves takes longer than all the rest: a test does it.
    meta: false,
    validateSchema: false,
    // Read by editors beside `pattern`, and by our own messages.
    keywords: ['patternErrorMessage'],
  })
  const check = ajv.compile(await readSchema(name))
  check(value)
  const errors = check.errors ?? []
  // Of a value of the wrong type only that is worth telling.
  const mistyped = new Set(
    errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath),
  )
  return errors.filter(({ keyword, instancePath }) => keyword === 'type' || !mistyped.has(instancePath))
}
