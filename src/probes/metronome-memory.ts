/** What the metronome and its thread share. */
export interface MetronomeMemory {
  readonly buffer: SharedArrayBuffer
}

/** In a slot that waits for nothing. */
export const unset = 0n

const firstInstant = BigInt64Array.BYTES_PER_ELEMENT

export function metronomeMemory(slots: number): MetronomeMemory {
  return { buffer: new SharedArrayBuffer(firstInstant + slots * BigInt64Array.BYTES_PER_ELEMENT) }
}

export function viewsOf({ buffer }: MetronomeMemory): {
  /** Changed and notified whenever an instant is set. */
  readonly turn: Int32Array<SharedArrayBuffer>
  /** Monotonic nanoseconds, one a slot. */
  readonly instants: BigInt64Array<SharedArrayBuffer>
} {
  return { turn: new Int32Array(buffer, 0, 1), instants: new BigInt64Array(buffer, firstInstant) }
}
