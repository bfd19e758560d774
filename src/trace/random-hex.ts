// Random ids in hexadecimal, taken from blocks: asking the system anew for each costs more than all the rest of a span.

/** So many random bytes, in hexadecimal. */
export type RandomHex = (bytes: number) => string

const BLOCK_BYTES = 4096

/** @param source gives that many random bytes; no byte of it is used twice */
export const inBlocks = (source: (bytes: number) => Buffer): RandomHex => {
  let block = ''
  let at = 0
  return (bytes) => {
    if (at + 2 * bytes > block.length) {
      block = source(BLOCK_BYTES).toString('hex')
      at = 0
    }
    at += 2 * bytes
    return block.slice(at - 2 * bytes, at)
  }
}
