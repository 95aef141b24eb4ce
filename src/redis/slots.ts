import { Buffer } from "node:buffer";

/** Into how many slots a Cluster divides its keys. */
export const SLOTS = 16_384;

/** Some slots and the node that owns them, both ends included. */
export interface SlotRange {
  readonly start: number;
  readonly end: number;
  /** The master, as `HOST:PORT`. */
  readonly owner: string;
}

/** Where a node of a Cluster sends us instead: `ask` for this one command, `moved` for the slot. */
export interface Redirect {
  readonly kind: "ask" | "moved";
  readonly address: string;
}

/** CRC16 of the Redis Cluster specification (XMODEM), byte by byte. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80_00 ? (crc << 1) ^ 0x10_21 : crc << 1;
  return crc;
});

/** The slot of a key or of a sharded channel: of what is between its first `{` and the `}` after it, if that is not empty. */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  const tag = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (let index = 0; index < tag.length; index++) {
    const code = tag.charCodeAt(index);
    if (code > 127) return slotOfBytes(Buffer.from(tag));
    crc = ((crc << 8) & 0xff_ff) ^ (TABLE[(crc >> 8) ^ code] ?? 0);
  }
  return crc % SLOTS;
}

function slotOfBytes(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) & 0xff_ff) ^ (TABLE[(crc >> 8) ^ byte] ?? 0);
  return crc % SLOTS;
}

/**
 * Reads the answer to CLUSTER SLOTS.
 *
 * @param askedHost The host of the node that answered, for nodes of which it does not say the host.
 * @returns Undefined when it is not such an answer.
 */
export function readSlots(reply: unknown, askedHost: string): readonly SlotRange[] | undefined {
  if (!Array.isArray(reply)) return undefined;
  const ranges: SlotRange[] = [];
  for (const item of reply) {
    if (!Array.isArray(item) || !Array.isArray(item[2])) return undefined;
    const [start, end, [host, port]] = item;
    ranges.push({ start: Number(start), end: Number(end), owner: joinAddress(host || askedHost, port) });
  }
  return ranges;
}

/** Reads where a node sends us. Undefined when the error is about something else. */
export function readRedirect(error: unknown, askedHost: string): Redirect | undefined {
  if (!(error instanceof Error)) return undefined;
  const [, kind, host, port] = /^(MOVED|ASK) \d+ (.*):(\d+)$/.exec(error.message) ?? [];
  if (kind === undefined || host === undefined) return undefined;
  return { kind: kind === "ASK" ? "ask" : "moved", address: joinAddress(host || askedHost, port) };
}

/** An IPv6 host needs brackets before a port. */
function joinAddress(host: unknown, port: unknown): string {
  const text = String(host);
  return text.includes(":") && !text.startsWith("[") ? `[${text}]:${port}` : `${text}:${port}`;
}

/** The host of `HOST:PORT`. */
export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}
