import { Buffer } from "node:buffer";
import { latin1 } from "./latin1.ts";
import { found, hexOf, MORE, none, type Peek, peekable, unfinished } from "./peek.ts";

/** What an HTTP client says before its first body. */
export type HttpHead = Http1Head | Http2Preface;

/** The head of a request of HTTP/1. */
export interface Http1Head {
  readonly version: "1.0" | "1.1";
  readonly method: string;
  /** As it was sent. */
  readonly target: string;
  /** The path of the target, without the query and still percent-encoded; undefined where it has none (`*`, or that of `CONNECT`). */
  readonly path: string | undefined;
  /** In the order sent, repeated ones too; bytes beyond ASCII as Latin-1. */
  readonly headers: readonly HttpHeader[];
}

/** HTTP/2 begins; its requests are compressed, so no path is told. */
export interface Http2Preface {
  readonly version: "2";
}

/** The name, in lower case, and the value without white space around it. */
export type HttpHeader = readonly [name: string, value: string];

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const DELETE = 127;
const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const VERSIONS: readonly string[] = ["HTTP/1.0", "HTTP/1.1"];
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const MAX_METHOD_LENGTH = 32;
/** What is looked at of a first line that is not all there. */
const MAX_LOOK_BYTES = 128;
const NO_REQUEST = "the first line is not METHOD TARGET HTTP/1.0 or HTTP/1.1";

/**
 * Reads the head of an HTTP request from the first bytes of a connection, or recognizes that HTTP/2 begins.
 *
 * At most {@linkcode MAX_PEEK_BYTES}. Strict, so that no server behind us reads something else: lines end in `\r\n` and neither byte
 * stands alone, no line is folded, no white space is before a colon, and there are no control characters. What cannot become a
 * request is refused as early as its first line tells.
 */
export function peekHttpHead(bytes: Uint8Array): Peek<HttpHead> {
  const view = peekable(bytes);
  if (PREFACE.subarray(0, view.length).equals(view.subarray(0, PREFACE.length)))
    return view.length < PREFACE.length ? MORE : found({ version: "2" }, PREFACE.length);
  const end = endOfHead(view);
  if (typeof end === "string") return none(end);
  const lineEnd = view.subarray(0, end).indexOf(NEWLINE);
  const isWhole = lineEnd >= 0;
  // A line that trickles in is not read from its start each time.
  const first = latin1(view.subarray(0, isWhole ? lineEnd : MAX_LOOK_BYTES));
  if (!canBegin(first, isWhole)) return none(NO_REQUEST);
  if (end === undefined) return unfinished(view);
  const lines = latin1(view.subarray(0, end - 4)).split("\r\n");
  const headers = headersOf(lines.slice(1));
  return typeof headers === "string" ? none(headers) : found(headOf(lines[0] ?? "", headers), end);
}

/** Where the head ends; undefined when it does not yet, and a clause when a byte is not allowed in it. */
function endOfHead(view: Uint8Array): number | string | undefined {
  let lineStart = 0;
  for (let at = 0; at < view.length; at++) {
    const byte = view[at] ?? 0;
    if (byte >= SPACE && byte !== DELETE) continue;
    if (!isControlAllowed(view, at)) return `${hexOf(byte)} is not allowed there, and lines end in \\r\\n`;
    if (byte !== NEWLINE) continue;
    if (at === lineStart + 1) return at + 1;
    lineStart = at + 1;
  }
  return undefined;
}

function isControlAllowed(view: Uint8Array, at: number): boolean {
  const byte = view[at];
  if (byte === RETURN) return (view[at + 1] ?? NEWLINE) === NEWLINE;
  return byte === NEWLINE ? view[at - 1] === RETURN : byte === TAB;
}

/** Whether a request may begin with this line, or with this part of one; a whole line still has its `\r`. */
function canBegin(line: string, isWhole: boolean): boolean {
  const hasReturn = line.endsWith("\r");
  const parts = (hasReturn ? line.slice(0, -1) : line).split(" ", 4);
  const [method = "", target, version] = parts;
  if (method.length > MAX_METHOD_LENGTH || !TOKEN.test(method) || parts.length > 3) return false;
  if (isWhole || hasReturn) return hasReturn && isTarget(target ?? "") && VERSIONS.includes(version ?? "");
  if (version === undefined) return target === undefined || target === "" || isTarget(target);
  return isTarget(target ?? "") && VERSIONS.some((known) => known.startsWith(version));
}

function isTarget(text: string): boolean {
  return /^[!-~]+$/.test(text);
}

function headOf(line: string, headers: readonly HttpHeader[]): Http1Head {
  const [method = "", target = "", version] = line.split(" ");
  return { version: version === "HTTP/1.0" ? "1.0" : "1.1", method, target, path: pathOf(target), headers };
}

function pathOf(target: string): string | undefined {
  const rest = target.startsWith("/")
    ? target
    : /^[a-z][a-z0-9+.-]*:\/\/[^/?#]+(?<rest>.*)$/i.exec(target)?.groups?.rest;
  if (rest === undefined) return undefined;
  const path = rest.slice(0, rest.search(/[?#]|$/));
  return path === "" ? "/" : path;
}

/** The headers, or a clause that says what is wrong. */
function headersOf(lines: readonly string[]): HttpHeader[] | string {
  const headers: HttpHeader[] = [];
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    // Refuses a folded line and white space before the colon, too.
    if (!TOKEN.test(name))
      return `a header begins with ${JSON.stringify(line.slice(0, 20))}; it must be NAME:VALUE`;
    headers.push([name.toLowerCase(), withoutBlanks(line, colon + 1)]);
  }
  return headers;
}

/** The rest of a line without the spaces and tabs around it: `trim` would take bytes away that are text here. */
function withoutBlanks(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start += 1;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
