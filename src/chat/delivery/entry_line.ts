import { Buffer } from "node:buffer";
import { bufferOf } from "../../wire/mod.ts";

/** What a server has to know of an entry that it passes on, beside its place in the inbox. */
export interface EntryHead {
  readonly seq: number;
  readonly conversation: string;
  /** Who sent it; empty for a `gap`. */
  readonly from: string;
}

const STARTS = ['{"type":"message","inbox":', '{"type":"gap","inbox":'].map((start) => Buffer.from(start));
const STAMP = Buffer.from(',"stamp":');
const SEQ = Buffer.from(',"seq":');
const CONVERSATION = Buffer.from(',"conversation":"');
/** Cannot be within the `id` before it: there, a quotation mark has a backslash before it. */
const FROM = Buffer.from(',"from":"');
const QUOTE = 0x22;

/**
 * Reads the head of an entry's line, as `messageLine` and `gapLine` write it, without parsing its JSON, of which the text is the most.
 *
 * @returns Undefined for a line that is no entry.
 */
export function readEntryLine(line: Uint8Array): EntryHead | undefined {
  const bytes = bufferOf(line);
  const start = STARTS.find((found) => isAt(bytes, found, 0));
  if (!start) return undefined;
  const reader = new Reader(bytes, start.length);
  reader.number();
  if (reader.skip(STAMP)) reader.number();
  const seq = reader.skip(SEQ) ? reader.number() : 0;
  if (!reader.skip(CONVERSATION)) return undefined;
  const conversation = reader.name();
  const from = bytes.indexOf(FROM, reader.offset);
  return { seq, conversation, from: from < 0 ? "" : nameAt(bytes, from + FROM.length) };
}

class Reader {
  readonly #bytes: Buffer;
  offset: number;

  constructor(bytes: Buffer, offset: number) {
    this.#bytes = bytes;
    this.offset = offset;
  }

  number(): number {
    let value = 0;
    for (; this.offset < this.#bytes.length; this.offset++) {
      const digit = (this.#bytes[this.offset] ?? 0) - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return value;
  }

  skip(words: Buffer): boolean {
    if (!isAt(this.#bytes, words, this.offset)) return false;
    this.offset += words.length;
    return true;
  }

  name(): string {
    const name = nameAt(this.#bytes, this.offset);
    this.offset += name.length;
    return name;
  }
}

function isAt(bytes: Buffer, words: Buffer, offset: number): boolean {
  for (let index = 0; index < words.length; index++) {
    if (bytes[offset + index] !== words[index]) return false;
  }
  return true;
}

/** A name, which has no character that JSON writes in another way. */
function nameAt(bytes: Buffer, offset: number): string {
  const end = bytes.indexOf(QUOTE, offset);
  return bytes.toString("latin1", offset, end < 0 ? bytes.length : end);
}
