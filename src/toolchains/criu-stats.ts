/** What CRIU says of a dump: microseconds and pages (images/stats.proto of CRIU). */
export interface DumpStats {
  readonly freezingUs: number
  readonly frozenUs: number
  readonly memdumpUs: number
  readonly memwriteUs: number
  readonly pagesScanned: number
  readonly pagesSkippedParent: number
  readonly pagesWritten: number
  readonly pagesLazy: number
}

/** What CRIU says of a restore. */
export interface RestoreStats {
  readonly forkingUs: number
  readonly restoreUs: number
  readonly pagesCompared: number
  readonly pagesSkippedCow: number
  readonly pagesRestored: number
}

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
    ...(dump === undefined ? {} : { dump: toDump(readMessage(dump).numbers) }),
    ...(restore === undefined ? {} : { restore: toRestore(readMessage(restore).numbers) }),
  }
}

function toDump(field: ReadonlyMap<number, number>): DumpStats {
  return {
    freezingUs: field.get(1) ?? 0,
    frozenUs: field.get(2) ?? 0,
    memdumpUs: field.get(3) ?? 0,
    memwriteUs: field.get(4) ?? 0,
    pagesScanned: field.get(5) ?? 0,
    pagesSkippedParent: field.get(6) ?? 0,
    pagesWritten: field.get(7) ?? 0,
    pagesLazy: field.get(9) ?? 0,
  }
}

function toRestore(field: ReadonlyMap<number, number>): RestoreStats {
  return {
    pagesCompared: field.get(1) ?? 0,
    pagesSkippedCow: field.get(2) ?? 0,
    forkingUs: field.get(3) ?? 0,
    restoreUs: field.get(4) ?? 0,
    pagesRestored: field.get(5) ?? 0,
  }
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
