import { ByteReader } from "./byte_reader.ts";
import { crc32c } from "./crc32c.ts";
import { formatIp } from "./ip.ts";
import { found, hexOf, none, type Peek, peekable, unfinished } from "./peek.ts";
import { PROXY_TLV, type ProxyAddress, type ProxyHeader, type ProxyTlv, toOneFamily } from "./proxy_route.ts";

/** With what version 2 begins. */
export const V2_SIGNATURE: readonly number[] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10];
/** The most bytes of a header of version 2 that are taken, TLVs and all; the format would allow 65,551. */
export const MAX_V2_BYTES = 4096;

/** The signature, the command, the family and the length of the rest. */
const HEAD_BYTES = 16;
const LOCAL = 0x20;
const PROXY = 0x21;
const PATH_BYTES = 108;
/** By the first four bits of the family: the bytes of one address, without its port. */
const ADDRESS_BYTES: readonly number[] = [0, 4, 16, PATH_BYTES];

/** Reads version 2 from bytes that begin as it does, as far as they go. */
export function decodeV2(bytes: Uint8Array): Peek<ProxyHeader> {
  const view = peekable(bytes, MAX_V2_BYTES);
  if (view.length < HEAD_BYTES) return unfinished(view);
  const [command = 0, family = 0, high = 0, low = 0] = view.subarray(V2_SIGNATURE.length);
  const length = HEAD_BYTES + high * 256 + low;
  const wrong = checkHead(command, family, length);
  if (wrong !== undefined) return none(wrong);
  if (view.length < length) return unfinished(view, MAX_V2_BYTES);
  // The rest of what is local is to be ignored, whatever it is.
  if (command === LOCAL) return found({ kind: "local" }, length);
  const header = headerOf(view.subarray(0, length), family);
  return typeof header === "string" ? none(header) : found(header, length);
}

function checkHead(command: number, family: number, length: number): string | undefined {
  if (command !== LOCAL && command !== PROXY)
    return `version and command are ${hexOf(command)}; they must be ${hexOf(LOCAL)} or ${hexOf(PROXY)}`;
  if (length > MAX_V2_BYTES)
    return `the header says that it has ${length} bytes; at most ${MAX_V2_BYTES} are allowed`;
  if (command === LOCAL || family === 0) return undefined;
  const transport = family & 15;
  const size = ADDRESS_BYTES[family >> 4];
  if (!size || transport === 0 || transport > 2)
    return `the family is ${hexOf(family)}; there are 0x00, 0x11, 0x12, 0x21, 0x22, 0x31 and 0x32`;
  const least = HEAD_BYTES + blockBytes(size);
  return length < least
    ? `the header has ${length} bytes; its family ${hexOf(family)} needs ${least}`
    : undefined;
}

/** The bytes of both addresses and, with those that have them, both ports. */
function blockBytes(size: number): number {
  return 2 * size + (size === PATH_BYTES ? 0 : 4);
}

/** The header of bytes whose head has been checked, or a clause that says what is wrong. */
function headerOf(bytes: Uint8Array, family: number): ProxyHeader | string {
  const reader = new ByteReader(bytes);
  reader.take(HEAD_BYTES);
  const ends = family === 0 ? undefined : readEnds(reader, ADDRESS_BYTES[family >> 4] ?? 0);
  const tlvs: ProxyTlv[] = [];
  while (reader.left > 0) {
    const type = reader.number(1);
    const start = reader.offset + 2;
    const value = reader.vector(2).slice();
    if (reader.isShort) return `the TLV of type ${hexOf(type)} is longer than the header`;
    if (type === PROXY_TLV.crc32c && !isChecked(bytes, start, value)) return "the checksum is wrong";
    tlvs.push({ type, value });
  }
  if (!ends) return { kind: "unknown", tlvs };
  const [source, destination] = ends;
  return {
    kind: "relayed",
    transport: (family & 15) === 1 ? "stream" : "datagram",
    source,
    destination,
    tlvs,
  };
}

function readEnds(reader: ByteReader, size: number): readonly [ProxyAddress, ProxyAddress] {
  const source = reader.take(size);
  const destination = reader.take(size);
  if (size === PATH_BYTES) return [{ path: pathOf(source) }, { path: pathOf(destination) }];
  const port = reader.number(2);
  return [
    { host: formatIp(source), port },
    { host: formatIp(destination), port: reader.number(2) },
  ];
}

/** A path ends at the first NUL; one that begins with NUL, an abstract one of Linux, at the last byte that is not. */
function pathOf(field: Uint8Array): string {
  const isAbstract = field[0] === 0;
  const end = isAbstract ? field.findLastIndex((byte) => byte !== 0) + 1 : field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

/** Whether the checksum whose 4 bytes begin at `start` is that of the header with zeros in their place. */
function isChecked(bytes: Uint8Array, start: number, value: Uint8Array): boolean {
  const zeroed = bytes.slice().fill(0, start, start + value.length);
  return value.length === 4 && new DataView(value.buffer).getUint32(0) === crc32c(zeroed);
}

/**
 * Writes version 2. The value of a TLV of type `crc32c` is computed, whatever it was.
 *
 * @throws {RangeError} when a host or port is none, the ends are not of one kind, a path has more than 108 bytes, the type of a TLV is
 * none, or the whole is longer than {@linkcode MAX_V2_BYTES}.
 */
export function encodeV2(header: ProxyHeader): Uint8Array {
  if (header.kind === "local") return assemble(LOCAL, 0, []);
  const [family, block] = header.kind === "unknown" ? [0, []] : blockOf(header);
  const tlvs = header.tlvs.flatMap((tlv) => [headOf(tlv), contentOf(tlv)]);
  const bytes = assemble(PROXY, family, [...block, ...tlvs]);
  let at = HEAD_BYTES + block.reduce((sum, part) => sum + part.length, 0);
  for (const tlv of header.tlvs) {
    const start = at + 3;
    at = start + contentOf(tlv).length;
    if (tlv.type === PROXY_TLV.crc32c) bytes.set(numberOf(crc32c(bytes), 4), start);
  }
  return bytes;
}

function assemble(command: number, family: number, parts: readonly Uint8Array[]): Uint8Array {
  const rest = parts.reduce((sum, part) => sum + part.length, 0);
  if (HEAD_BYTES + rest > MAX_V2_BYTES) {
    throw new RangeError(
      `Cannot encode PROXY header: it must have at most ${MAX_V2_BYTES} bytes, received ${HEAD_BYTES + rest}`,
    );
  }
  const bytes = new Uint8Array(HEAD_BYTES + rest);
  bytes.set([...V2_SIGNATURE, command, family, ...numberOf(rest, 2)]);
  let at = HEAD_BYTES;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The family of two ends, and their addresses and ports. */
function blockOf({
  transport,
  source,
  destination,
}: Extract<ProxyHeader, { kind: "relayed" }>): [number, Uint8Array[]] {
  const low = transport === "stream" ? 1 : 2;
  if ("path" in source && "path" in destination)
    return [0x30 | low, [fieldOf(source.path), fieldOf(destination.path)]];
  if ("path" in source || "path" in destination)
    throw new RangeError(
      "Cannot encode PROXY header: source and destination must both have a path or both a host",
    );
  const [from, to] = toOneFamily(source, destination);
  const family = from.ip.length === 4 ? 0x10 : 0x20;
  return [family | low, [from.ip, to.ip, numberOf(from.port, 2), numberOf(to.port, 2)]];
}

function fieldOf(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length > PATH_BYTES)
    throw new RangeError(
      `Cannot encode PROXY header: a path must have at most ${PATH_BYTES} bytes, received ${bytes.length}`,
    );
  const field = new Uint8Array(PATH_BYTES);
  field.set(bytes);
  return field;
}

function headOf(tlv: ProxyTlv): Uint8Array {
  if (!Number.isInteger(tlv.type) || tlv.type < 0 || tlv.type > 255)
    throw new RangeError(
      `Cannot encode PROXY header: the type of a TLV must be 0 to 255, received ${tlv.type}`,
    );
  return Uint8Array.of(tlv.type, ...numberOf(contentOf(tlv).length, 2));
}

/** The place of a checksum is zero until it is known. */
function contentOf({ type, value }: ProxyTlv): Uint8Array {
  return type === PROXY_TLV.crc32c ? new Uint8Array(4) : value;
}

function numberOf(number: number, size: 2 | 4): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (number >>> (8 * (size - 1 - at))) & 255);
}
