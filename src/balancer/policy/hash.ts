function mixIn(hash: number, block: number): number {
  const k = Math.imul(block, 0xcc_9e_2d_51);
  return hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b_87_35_93);
}

/**
 * Hashes a text to 32 bits that look random: texts that differ in one character are as far apart as any others.
 *
 * MurmurHash3_x86_32 by Austin Appleby (2011, public domain), over the UTF-16 code units in little-endian order, so
 * that no text needs to be encoded first. The same on every machine and runtime. Not for secrets: whoever chooses
 * the texts can make them collide.
 *
 * @param seed Another seed gives another, independent hash.
 * @returns A whole number from 0 up to but not including 2^32.
 */
export function hash32(text: string, seed = 0): number {
  const { length } = text;
  let hash = seed;
  let at = 0;
  for (; at + 1 < length; at += 2) {
    const mixed = mixIn(hash, text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
    hash = (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6_54_6b_64) | 0;
  }
  if (at < length) hash = mixIn(hash, text.charCodeAt(at));
  hash ^= length * 2;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
