/** Numbers in [0, 1). */
export type Random = () => number

/**
 * A generator that gives the same numbers for the same text, so that a report made twice is the same report.
 * FNV-1a spreads the text over the 32-bit state of mulberry32: no cryptography, ample for resampling.
 */
export function randomFrom(text: string): Random {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
