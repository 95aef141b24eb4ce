const V4_BYTES = 4;
const V6_GROUPS = 8;
/** What stands before an IPv4 address that is written as one of IPv6 (RFC 4291, 2.5.5.2). */
const V4_MAPPED: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];

/**
 * Reads an IP address: 4 bytes, or 16.
 *
 * Numbers of IPv4 have no leading zeros; IPv6 may end as IPv4 does, and has no zone.
 *
 * @returns Undefined for any other text.
 */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseV6(text) : parseV4(text);
}

/** Writes an IP address of 4 or 16 bytes in its one form (RFC 5952): `::1`, and `::ffff:10.0.0.7` for IPv4 in IPv6. */
export function formatIp(address: Uint8Array): string {
  if (address.length === V4_BYTES) return address.join(".");
  if (V4_MAPPED.every((byte, at) => address[at] === byte)) {
    return `::ffff:${address.subarray(V4_MAPPED.length).join(".")}`;
  }
  const groups = Array.from(
    { length: V6_GROUPS },
    (_, i) => ((address[2 * i] ?? 0) << 8) | (address[2 * i + 1] ?? 0),
  );
  const written = groups.map((group) => group.toString(16));
  const { start, length } = longestZeros(groups);
  if (length < 2) return written.join(":");
  return `${written.slice(0, start).join(":")}::${written.slice(start + length).join(":")}`;
}

/** The IPv4 address inside of an IPv6 one; undefined if there is none. */
export function unmapV4(address: Uint8Array): Uint8Array | undefined {
  if (address.length === V4_BYTES) return address;
  return V4_MAPPED.every((byte, at) => address[at] === byte) ? address.subarray(V4_MAPPED.length) : undefined;
}

/** The address in 16 bytes. */
export function mapToV6(address: Uint8Array): Uint8Array {
  return address.length === V4_BYTES ? Uint8Array.from([...V4_MAPPED, ...address]) : address;
}

function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split(".", V4_BYTES + 1);
  const isRight = parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  return isRight && parts.length === V4_BYTES ? Uint8Array.from(parts, Number) : undefined;
}

function parseV6(text: string): Uint8Array | undefined {
  const [before = "", after, ...more] = withoutDots(text).split("::", 3);
  const left = groupsOf(before);
  const right = after === undefined ? [] : groupsOf(after);
  if (!left || !right || more.length > 0) return undefined;
  const missing = V6_GROUPS - left.length - right.length;
  if (after === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...new Array<number>(missing).fill(0), ...right];
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 255]));
}

/** An IPv4 tail as two groups; a wrong one stays, and is no group. */
function withoutDots(text: string): string {
  const start = text.lastIndexOf(":") + 1;
  const tail = parseV4(text.slice(start));
  if (!tail) return text;
  const [a = 0, b = 0, c = 0, d = 0] = tail;
  return `${text.slice(0, start)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":", V6_GROUPS + 1);
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined;
}

/** The first of the longest runs of zeros. */
function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (const [at, group] of groups.entries()) {
    if (group !== 0) start = at + 1;
    else if (at + 1 - start > longest.length) longest = { start, length: at + 1 - start };
  }
  return longest;
}
