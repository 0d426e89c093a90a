/** What a watching thread writes down: `count` stalls, each its beginning and its end. */
export interface StallMemory {
  readonly count: Int32Array<SharedArrayBuffer>
  readonly edges: BigInt64Array<SharedArrayBuffer>
}

/** Some minutes on a machine that stalls all the time; what comes after is not written down. */
const mostStalls = 32_768

export function stallMemory(): StallMemory {
  return {
    count: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)),
    edges: new BigInt64Array(new SharedArrayBuffer(2 * mostStalls * BigInt64Array.BYTES_PER_ELEMENT)),
  }
}

export function noteStall({ count, edges }: StallMemory, from: bigint, to: bigint): void {
  const index = Atomics.load(count, 0)
  if (index >= mostStalls) return
  edges[2 * index] = from
  edges[2 * index + 1] = to
  Atomics.store(count, 0, index + 1)
}

export function stallsIn({ count, edges }: StallMemory): { from: bigint; to: bigint }[] {
  return Array.from({ length: Atomics.load(count, 0) }, (_, index) => ({
    from: edges[2 * index] ?? 0n,
    to: edges[2 * index + 1] ?? 0n,
  }))
}
