import { Buffer } from "node:buffer";
import { ByteReader } from "./byte_reader.ts";
import { latin1 } from "./latin1.ts";
import { found, hexOf, MAX_PEEK_BYTES, none, type Peek, peekable, unfinished } from "./peek.ts";

/** What a TLS client asks for before anything is encrypted. */
export interface ClientHello {
  /** The name of the server it wants (SNI, RFC 6066), in lower case and without a final dot; undefined if it names none. */
  readonly serverName: string | undefined;
  /** The protocols it offers (ALPN, RFC 7301), the one it likes best first; bytes beyond ASCII as Latin-1. */
  readonly protocols: readonly string[];
}

const HANDSHAKE = 0x16;
const CLIENT_HELLO = 1;
const RECORD_HEAD_BYTES = 5;
/** Clients use one, or a few; without a limit a client could make us go through thousands at each of its bytes. */
const MAX_RECORDS = 64;
const TOO_MANY = `it does not end within ${MAX_RECORDS} records`;
const MAX_RECORD_BYTES = 16_384;
const MESSAGE_HEAD_BYTES = 4;
const SERVER_NAME = 0;
const PROTOCOLS = 16;
/** Names are looked up, compared and logged, so nothing else comes in. */
const NAME = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?$/;
const MAX_NAME_LENGTH = 254;

/**
 * Reads the server name and the protocols from the first bytes of a TLS connection.
 *
 * The ClientHello of TLS 1.0 to 1.3 (RFC 8446, 4.1.2), over whatever chunks and up to 64 records, with at most
 * {@linkcode MAX_PEEK_BYTES} in all. Nothing is decrypted or taken away: the bytes are still to be sent on.
 */
export function peekClientHello(bytes: Uint8Array): Peek<ClientHello> {
  const view = peekable(bytes);
  const joined = joinRecords(view);
  if (joined.state !== "found") return joined;
  const hello = helloOf(joined.value);
  return typeof hello === "string" ? none(hello) : found(hello, joined.length);
}

/** The body of the first handshake message; its length is that of the records up to where it ends. */
function joinRecords(view: Uint8Array): Peek<Uint8Array> {
  const message = Buffer.allocUnsafe(view.length);
  let have = 0;
  let at = 0;
  for (let records = 0; at < view.length; records++) {
    const wrong = records === MAX_RECORDS ? TOO_MANY : checkRecord(view, at);
    if (wrong !== undefined) return none(wrong);
    if (view.length - at < RECORD_HEAD_BYTES) break;
    const start = at + RECORD_HEAD_BYTES;
    const piece = view.subarray(start, start + sizeAt(view, at));
    message.set(piece, have);
    have += piece.length;
    const end = endOf(message, have);
    if (typeof end === "string") return none(end);
    if (end <= have)
      return found(message.subarray(MESSAGE_HEAD_BYTES, end), start + piece.length - (have - end));
    at = start + sizeAt(view, at);
  }
  return unfinished(view);
}

/** The bytes of the record at `at`, without its head, which is all there. */
function sizeAt(view: Uint8Array, at: number): number {
  return (view[at + 3] ?? 0) * 256 + (view[at + 4] ?? 0);
}

/** Looks at the head of a record as far as it is there; gives a clause that says what is wrong. */
function checkRecord(view: Uint8Array, at: number): string | undefined {
  const type = view[at] ?? HANDSHAKE;
  const major = view[at + 1] ?? 3;
  if (type !== HANDSHAKE)
    return `a record is of type ${hexOf(type)}; a TLS connection begins with ${hexOf(HANDSHAKE)}`;
  if (major !== 3) return `the version of a record is ${major}; that of TLS is 3`;
  if (view.length - at < RECORD_HEAD_BYTES) return undefined;
  const size = sizeAt(view, at);
  return size === 0 || size > MAX_RECORD_BYTES
    ? `a record has ${size} bytes; 1 to ${MAX_RECORD_BYTES} are allowed`
    : undefined;
}

/** Where a message ends of which `have` bytes are there, as far as is known; or a clause that says what is wrong. */
function endOf(message: Uint8Array, have: number): number | string {
  if (have > 0 && message[0] !== CLIENT_HELLO)
    return `the first message is of type ${message[0]}; a ClientHello is of type ${CLIENT_HELLO}`;
  if (have < MESSAGE_HEAD_BYTES) return Number.POSITIVE_INFINITY;
  const end = MESSAGE_HEAD_BYTES + (message[1] ?? 0) * 65_536 + (message[2] ?? 0) * 256 + (message[3] ?? 0);
  const most = MAX_PEEK_BYTES - RECORD_HEAD_BYTES;
  return end > most ? `the ClientHello has ${end} bytes; at most ${most} are allowed` : end;
}

function helloOf(body: Uint8Array): ClientHello | string {
  const reader = new ByteReader(body);
  const [major] = reader.take(2);
  if (major !== 3) return `the ClientHello is of version ${major ?? "none"}; that of TLS is 3`;
  reader.take(32);
  reader.vector(1);
  reader.vector(2);
  reader.vector(1);
  // Before TLS 1.2 there may be no extensions at all.
  const block = reader.left > 0 ? reader.vector(2) : new Uint8Array();
  if (reader.isShort || reader.left > 0)
    return "the lengths inside of the ClientHello do not agree with its own";
  const extensions = extensionsOf(block);
  if (!extensions) return "the extensions of the ClientHello are malformed, or one comes twice";
  const serverName = serverNameOf(extensions.get(SERVER_NAME));
  if (serverName === "") return "the server name is not one host name of letters, digits, hyphens and dots";
  const protocols = protocolsOf(extensions.get(PROTOCOLS));
  return protocols ? { serverName, protocols } : "the list of protocols is malformed";
}

function extensionsOf(block: Uint8Array): Map<number, Uint8Array> | undefined {
  const reader = new ByteReader(block);
  const extensions = new Map<number, Uint8Array>();
  while (reader.left > 0) {
    const type = reader.number(2);
    const content = reader.vector(2);
    if (reader.isShort || extensions.has(type)) return undefined;
    extensions.set(type, content);
  }
  return extensions;
}

/** The entries of a list that fills `content`, each with a length before it; undefined when they do not fit. */
function listOf(content: Uint8Array, read: (reader: ByteReader) => Uint8Array): Uint8Array[] | undefined {
  const outer = new ByteReader(content);
  const reader = new ByteReader(outer.vector(2));
  const entries: Uint8Array[] = [];
  while (reader.left > 0) entries.push(read(reader));
  const isRight = !outer.isShort && outer.left === 0 && !reader.isShort && entries.length > 0;
  return isRight ? entries : undefined;
}

/** Undefined when there is none; empty when it is malformed. */
function serverNameOf(content: Uint8Array | undefined): string | undefined {
  if (!content) return undefined;
  // An entry of another type than a host name, of which none is defined, makes the list malformed.
  const entries = listOf(content, (reader) => (reader.number(1) === 0 ? reader.vector(2) : new Uint8Array()));
  const [entry = new Uint8Array(), ...more] = entries ?? [];
  const name = latin1(entry).toLowerCase();
  if (more.length > 0 || name.length > MAX_NAME_LENGTH || !NAME.test(name)) return "";
  return name.replace(/\.$/, "");
}

function protocolsOf(content: Uint8Array | undefined): string[] | undefined {
  if (!content) return [];
  const entries = listOf(content, (reader) => reader.vector(1));
  return entries?.every((entry) => entry.length > 0) ? entries.map(latin1) : undefined;
}
