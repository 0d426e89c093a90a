/** Numbers of the fields in CRIU's images/stats.proto. */
const dumpFields = {
  freezingUs: 1,
  frozenUs: 2,
  memdumpUs: 3,
  memwriteUs: 4,
  pagesScanned: 5,
  pagesSkippedParent: 6,
  pagesWritten: 7,
  pagesLazy: 9,
} as const
/** What CRIU says of a dump: microseconds and pages. */
export type DumpStats = Readonly<Record<keyof typeof dumpFields, number>>

const restoreFields = {
  pagesCompared: 1,
  pagesSkippedCow: 2,
  forkingUs: 3,
  restoreUs: 4,
  pagesRestored: 5,
} as const
/** What CRIU says of a restore. */
export type RestoreStats = Readonly<Record<keyof typeof restoreFields, number>>

const statsMagic = 0x57093306
const commonMagic = 0x55105940

/**
 * Reads CRIU's `stats-dump` or `stats-restore`: two magic numbers, the size of the entry, and a protobuf message whose one
 * field (1 for a dump, 2 for a restore) holds varints.
 * @throws RangeError when the bytes are something else
 */
export function parseCriuStats(bytes: Uint8Array): { dump?: DumpStats; restore?: RestoreStats } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (
    bytes.length < 12 ||
    view.getUint32(0, true) !== commonMagic ||
    view.getUint32(4, true) !== statsMagic
  ) {
    throw new RangeError('not a statistics file of CRIU')
  }
  const size = view.getUint32(8, true)
  const entry = readMessage(bytes.subarray(12, 12 + size))
  const dump = entry.nested.get(1)
  const restore = entry.nested.get(2)
  return {
    ...(dump === undefined ? {} : { dump: readFields(dumpFields, dump) }),
    ...(restore === undefined ? {} : { restore: readFields(restoreFields, restore) }),
  }
}

/** Every field by its name; one that is not in the message is 0. */
function readFields<Name extends string>(
  fields: Readonly<Record<Name, number>>,
  message: Uint8Array,
): Record<Name, number> {
  const { numbers } = readMessage(message)
  const named = Object.entries<number>(fields).map(([name, field]) => [name, numbers.get(field) ?? 0])
  return Object.fromEntries(named) as Record<Name, number>
}

/** A protobuf message of varints (wire type 0) and nested messages (wire type 2), by field number. */
function readMessage(bytes: Uint8Array): { numbers: Map<number, number>; nested: Map<number, Uint8Array> } {
  const numbers = new Map<number, number>()
  const nested = new Map<number, Uint8Array>()
  let at = 0
  const varint = () => {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at]
      if (byte === undefined) throw new RangeError('the statistics file of CRIU is cut off')
      at += 1
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const [field, wire] = [Math.floor(tag / 8), tag % 8]
    if (wire === 0) numbers.set(field, varint())
    else if (wire === 2) {
      const length = varint()
      nested.set(field, bytes.subarray(at, at + length))
      at += length
    } else throw new RangeError(`unknown wire type ${wire} in a statistics file of CRIU`)
  }
  return { numbers, nested }
}
