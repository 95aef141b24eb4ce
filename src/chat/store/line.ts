import type { Outgoing } from "./contract.ts";

/**
 * The part of a `message` frame that is the same in every inbox, as JSON without its opening brace.
 *
 * A store keeps it as it is and puts the numbers before it, so that a message is encoded once, however many receive it.
 */
export function messageTail(message: Outgoing): string {
  const { conversation, id, from, to, text, at } = message;
  return JSON.stringify({ conversation, id, from, to, text, at }).slice(1);
}

/** The `message` frame of one inbox entry, with its newline. Stores that join strings by themselves write the same. */
export function messageLine(inbox: number, stamp: number, seq: number, tail: string): string {
  return `${LINE_START}${inbox},"stamp":${stamp},"seq":${seq},${tail}\n`;
}

const LINE_START = '{"type":"message","inbox":';

/** The inbox number of a message's line, read without parsing the rest; undefined for a hint that is no message. */
export function inboxOfLine(line: Uint8Array): number | undefined {
  for (let index = 0; index < LINE_START.length; index++) {
    if (line[index] !== LINE_START.charCodeAt(index)) return undefined;
  }
  let inbox = 0;
  for (let index = LINE_START.length; index < line.length; index++) {
    const digit = (line[index] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    inbox = inbox * 10 + digit;
  }
  return inbox;
}

/** A random 48-bit number that tells an entry from another one at the same place. */
export function randomStamp(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0xff_ff) * 0x1_00_00_00_00 + low;
}
