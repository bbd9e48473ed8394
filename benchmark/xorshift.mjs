/** Marsaglia's xorshift32: unsigned 32-bit numbers, the same on every machine. */
export function xorshift(seed) {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}
