import type { ErrorObject } from 'ajv'
import { TestbedError } from '../core/errors.ts'
import { parseDuration, parseLinkRate, parseRate, parseShare, parseSize } from '../core/units.ts'
import { quote, unknownName } from './problems.ts'
import type { Pointer } from './yaml-document.ts'

export interface Finding {
  readonly pointer: Pointer
  /** Shown at the key, not at its value. */
  readonly at?: 'key'
  readonly message: string
  readonly allowed?: readonly string[]
  readonly hint?: string
}

type Words = Omit<Finding, 'pointer'>

/** Schemas with these titles are amounts: their parsers word what is wrong with one. */
const amounts: Readonly<Record<string, (text: string) => number>> = {
  duration: parseDuration,
  size: parseSize,
  rate: parseRate,
  'link rate': parseLinkRate,
  share: parseShare,
}

/** Words a schema error for people. `textOf` gives a scalar as written in the file. */
export function explain(
  error: ErrorObject,
  textOf: (pointer: Pointer) => string | undefined,
): Finding | undefined {
  const holder = error.instancePath.split('/').slice(1).map(unescapeSegment)
  const schema: Record<string, unknown> = error.parentSchema ?? {}
  const label = labelOf(holder)
  const limit = Number(error.params.limit)

  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params.additionalProperty)
      const known = Object.keys((schema.properties ?? {}) as object)
      const message = `unknown key ${quote(key)}${holder.length === 0 ? '' : ` in ${label}`}`
      return { pointer: [...holder, key], at: 'key', message, ...unknownName(key, known) }
    }
    case 'required': {
      const key = String(error.params.missingProperty)
      const message = `${holder.length === 0 ? 'the file' : label} lacks ${quote(key)}`
      return { pointer: [...holder, key], at: 'key', message }
    }
    case 'propertyNames':
      // Its own pattern error says more.
      return undefined
    case 'enum':
      return { pointer: holder, ...wrongName(String(error.data), schema) }
    case 'type':
      return { pointer: holder, ...wrongType(error, label, schema, textOf(holder)) }
    case 'pattern':
      if (error.propertyName !== undefined) {
        return {
          pointer: [...holder, error.propertyName],
          at: 'key',
          ...wrongText(error.propertyName, schema),
        }
      }
      return { pointer: holder, ...wrongText(textOf(holder) ?? String(error.data), schema) }
    case 'minimum':
      return { pointer: holder, message: `${label} must be at least ${limit}, not ${textOf(holder)}` }
    case 'maximum':
      return { pointer: holder, message: `${label} must be at most ${limit}, not ${textOf(holder)}` }
    case 'minLength':
      return { pointer: holder, message: `${label} must not be empty` }
    case 'maxLength':
      return { pointer: holder, message: `${label} must have at most ${limit} characters` }
    case 'minItems':
      return { pointer: holder, message: `${label} must list at least ${limit}` }
    case 'maxItems':
      return { pointer: holder, message: `${label} must list at most ${limit}` }
    case 'minProperties':
    case 'maxProperties': {
      const names = Object.keys((schema.properties ?? {}) as object)
      const amount = error.keyword === 'minProperties' ? 'at least' : 'at most'
      return {
        pointer: holder,
        message: `${label} must have ${amount} ${limit} of these keys`,
        allowed: names,
      }
    }
    case 'uniqueItems': {
      const twice = [...holder, Math.max(Number(error.params.i), Number(error.params.j))]
      return { pointer: twice, message: `${quote(textOf(twice) ?? '')} stands twice in ${label}` }
    }
    default:
      return { pointer: holder, message: `${label} ${error.message ?? 'is not valid'}` }
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys',
}

function wrongType(
  error: ErrorObject,
  label: string,
  schema: Readonly<Record<string, unknown>>,
  text: string | undefined,
): Words {
  const types = [error.params.type].flat().map(String)
  const message = `${label} must be ${wanted(types)}, not ${given(error.data)}`
  const scalar = typeof error.data === 'number' || typeof error.data === 'boolean'
  if (!scalar || !types.includes('string')) return { message }
  const shown = text ?? String(error.data)
  if (schema.enum !== undefined) return wrongName(shown, schema)
  return amountProblem(shown, schema) ?? { message, hint: `put it in quotes: '${shown}'` }
}

function wanted(types: readonly string[]): string {
  return types.map((type) => typeNames[type] ?? type).join(' or ')
}

function given(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'number' && !Number.isInteger(value)) return `the number ${value}`
  return typeNames[typeof value] ?? typeof value
}

function wrongName(name: string, schema: Readonly<Record<string, unknown>>): Words {
  const names = (schema.enum as unknown[]).map(String)
  return { message: `unknown ${String(schema.title ?? 'value')} ${quote(name)}`, ...unknownName(name, names) }
}

function wrongText(text: string, schema: Readonly<Record<string, unknown>>): Words {
  const amount = amountProblem(text, schema)
  if (amount !== undefined) return amount
  const allowed = schema.patternErrorMessage
  return {
    message: `${quote(text)} is not a valid ${String(schema.title ?? 'value')}`,
    ...(typeof allowed === 'string' ? { allowed: [allowed] } : {}),
  }
}

function amountProblem(text: string, schema: Readonly<Record<string, unknown>>): Words | undefined {
  const parse = amounts[String(schema.title)]
  try {
    parse?.(text)
    return undefined
  } catch (error) {
    if (!(error instanceof TestbedError)) throw error
    const { hint } = error.parts
    return { message: error.message, ...(hint === undefined ? {} : { hint }) }
  }
}

/** `probe.http.path`, `hosts[0].name`. */
function labelOf(pointer: Pointer): string {
  if (pointer.length === 0) return 'the file'
  return pointer
    .map((segment) => (/^\d+$/.test(String(segment)) ? `[${segment}]` : `.${segment}`))
    .join('')
    .slice(1)
}

function unescapeSegment(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~')
}
