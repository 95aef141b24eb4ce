import { bufferOf } from "../../wire/mod.ts";
import type { InboxHint, LogEntry, Outgoing } from "./contract.ts";

/**
 * The part of a `message` frame that is the same in every inbox, as JSON without its opening brace.
 *
 * A store keeps it as it is and puts the numbers before it, so that a message is encoded once, however many receive it.
 */
export function messageTail(message: Outgoing): string {
  const { conversation, id, from, to, text, at } = message;
  return JSON.stringify({ conversation, id, from, to, text, at }).slice(1);
}

/** The message that {@linkcode messageTail} made a tail of. @throws {SyntaxError} When `tail` is none. */
export function parseTail(seq: number, tail: string): LogEntry {
  // Only messageTail writes tails, and a store gives them back as they were.
  const message = JSON.parse(`{${tail}`) as Omit<LogEntry, "seq">;
  return { ...message, seq };
}

/** The `message` frame of one inbox entry, with its newline. Stores that join strings by themselves write the same. */
export function messageLine(inbox: number, stamp: number, seq: number, tail: string): string {
  return `${LINE_START}${inbox},"stamp":${stamp},"seq":${seq},${tail}\n`;
}

/**
 * The part of a `gap` frame that a store keeps: what {@linkcode messageTail} is for a message.
 *
 * @param missing How many messages of the conversation, the one numbered by the entry's `seq` being the last, are no longer kept.
 */
export function gapTail(conversation: string, missing: number): string {
  return JSON.stringify({ conversation, missing }).slice(1);
}

/** The `gap` frame of an inbox entry that stands for messages its log no longer holds, with its newline. */
export function gapLine(inbox: number, stamp: number, seq: number, tail: string): string {
  return `${GAP_START}${inbox},"stamp":${stamp},"seq":${seq},${tail}\n`;
}

const LINE_START = '{"type":"message","inbox":';
const GAP_START = '{"type":"gap","inbox":';

const STAMP = ',"stamp":';
const NEWLINE = 0x0a;
const SPACE = 0x20;

/**
 * Reads a hint: an entry's line, and after its newline the epoch of the inbox, a space and the stamp of the entry before it, which a store leaves
 * out whose history cannot be rolled back. The text of the message is not looked at.
 *
 * @returns Undefined for what is no entry.
 */
export function readHint(payload: Uint8Array): InboxHint | undefined {
  const start = startsWith(payload, LINE_START)
    ? LINE_START.length
    : startsWith(payload, GAP_START) && GAP_START.length;
  if (start === false) return undefined;
  const inbox = digitsAt(payload, start);
  const stamp = digitsAt(payload, inbox.end + STAMP.length).value;
  const end = payload.lastIndexOf(NEWLINE) + 1;
  if (end === payload.length) return { inbox: inbox.value, stamp, line: payload };
  const space = payload.indexOf(SPACE, end);
  const epoch = bufferOf(payload).toString("latin1", end, space);
  const before = digitsAt(payload, space + 1).value;
  return { inbox: inbox.value, stamp, line: payload.subarray(0, end), epoch, before };
}

function digitsAt(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  let end = start;
  for (; end < bytes.length; end++) {
    const digit = (bytes[end] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return { value, end };
}

function startsWith(line: Uint8Array, start: string): boolean {
  for (let index = 0; index < start.length; index++) {
    if (line[index] !== start.charCodeAt(index)) return false;
  }
  return true;
}

const RANDOM_BATCH = 256;
const randomWords = new Uint32Array(2 * RANDOM_BATCH);
let nextWord = randomWords.length;

/** A random 48-bit number that tells an entry from another one at the same place. */
export function randomStamp(): number {
  // One by one, the random numbers would be a tenth of what a send costs.
  if (nextWord === randomWords.length) {
    crypto.getRandomValues(randomWords);
    nextWord = 0;
  }
  const high = randomWords[nextWord] ?? 0;
  const low = randomWords[nextWord + 1] ?? 0;
  nextWord += 2;
  return (high & 0xff_ff) * 0x1_00_00_00_00 + low;
}

/** A random word of 16 characters that names one life of an inbox. */
export function randomEpoch(): string {
  const [first = 0, second = 0] = crypto.getRandomValues(new Uint32Array(2));
  return first.toString(16).padStart(8, "0") + second.toString(16).padStart(8, "0");
}
