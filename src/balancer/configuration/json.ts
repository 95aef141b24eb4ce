import { type ConfigurationProblem, formatPath, show } from "./problem.ts";

/** A JSON text and where each of its values is. */
export interface JsonDocument {
  readonly value: unknown;
  /** Where the value of a path starts, in UTF-16 characters from 0; that of its nearest parent if there is none. */
  offsetOf(path: readonly (string | number)[]): number;
  /** The line and column of an offset. Costs as much as the text before it is long. */
  placeAt(offset: number): Place;
  /** Whether there is a value at a path. */
  has(path: readonly (string | number)[]): boolean;
  /** As much of a path, from its start, as there is a value at. */
  reach(path: readonly (string | number)[]): readonly (string | number)[];
}

/** A place in a text, from 1, in UTF-16 characters. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Lists and objects inside of each other. */
const MAX_DEPTH = 32;
/** What JavaScript keeps for itself. */
const RESERVED = ["__proto__", "constructor", "prototype"];
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z0-9_$+.-]+/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORDS: Readonly<Record<string, unknown>> = { true: true, false: false, null: null };

/**
 * Reads JSON (RFC 8259) and says of what is none where it is wrong, the same on every runtime.
 *
 * Stricter than `JSON.parse`: a key may not come twice, nor be `__proto__`, `constructor` or `prototype`; at most 32 levels.
 */
export function readJson(text: string): JsonDocument | ConfigurationProblem {
  const reader = new Reader(text);
  try {
    const value = reader.read();
    return {
      value,
      offsetOf: (path) => reader.offsetOf(path),
      placeAt: (offset) => placeAt(text, offset),
      has: (path) => reader.offsets.has(formatPath(path)),
      reach: (path) => reader.reach(path),
    };
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    return { path: formatPath(reader.path), ...placeAt(text, error.at), message: error.message };
  }
}

function placeAt(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - (before.lastIndexOf("\n") + 1) + 1 };
}

/** Where and why a text is no JSON. Does not leave this file. */
class Mistake extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

class Reader {
  readonly offsets = new Map<string, number>();
  /** Where it is now. */
  readonly path: (string | number)[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    // What some editors write at the start of a file.
    if (text.startsWith("\uFEFF")) this.#at = 1;
  }

  read(): unknown {
    const value = this.#value();
    if (this.#peek() !== "") this.#fail("the end of the file");
    return value;
  }

  offsetOf(path: readonly (string | number)[]): number {
    return this.offsets.get(formatPath(this.reach(path))) ?? 0;
  }

  reach(path: readonly (string | number)[]): readonly (string | number)[] {
    let length = path.length;
    while (length > 0 && !this.offsets.has(formatPath(path.slice(0, length)))) length -= 1;
    return path.slice(0, length);
  }

  #value(): unknown {
    const next = this.#peek();
    this.offsets.set(formatPath(this.path), this.#at);
    if (next === "{") return this.#object();
    if (next === "[") return this.#list();
    if (next === '"') return this.#string();
    return this.#word();
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#enter();
    if (this.#takes("}")) return object;
    do {
      if (this.#peek() !== '"') this.#fail("a key in double quotes");
      const start = this.#at;
      const key = this.#string();
      if (RESERVED.includes(key)) throw new Mistake(start, `${show(key)} cannot be a key`);
      if (Object.hasOwn(object, key))
        throw new Mistake(start, `the key ${show(key)} is there twice; once is allowed`);
      if (!this.#takes(":")) this.#fail('":"');
      this.path.push(key);
      object[key] = this.#value();
      this.path.pop();
    } while (this.#takes(","));
    if (!this.#takes("}")) this.#fail('"," or "}"');
    return object;
  }

  #list(): unknown[] {
    const list: unknown[] = [];
    this.#enter();
    if (this.#takes("]")) return list;
    do {
      this.path.push(list.length);
      list.push(this.#value());
      this.path.pop();
    } while (this.#takes(","));
    if (!this.#takes("]")) this.#fail('"," or "]"');
    return list;
  }

  #enter(): void {
    if (this.path.length >= MAX_DEPTH) this.#fail(`at most ${MAX_DEPTH} levels of lists and objects`);
    this.#at += 1;
  }

  #string(): string {
    const start = this.#at;
    this.#at += 1;
    for (let char = this.#text[this.#at]; char !== '"'; char = this.#text[this.#at]) {
      if (char === undefined)
        throw new Mistake(start, 'the text that starts here has no end; write " after it');
      if (char < " ") this.#fail("a text on one line, with line breaks as \\n and tabs as \\t", this.#at);
      if (char === "\\" && !this.#match(ESCAPE))
        this.#fail('a text in which "\\" is written "\\\\"', this.#at);
      else if (char !== "\\") this.#at += 1;
    }
    this.#at += 1;
    return JSON.parse(this.#text.slice(start, this.#at));
  }

  #word(): unknown {
    const start = this.#at;
    const number = this.#match(NUMBER);
    const word = (number ?? "") + (this.#match(WORD) ?? "");
    if (number !== undefined && word === number) return Number(number);
    if (Object.hasOwn(WORDS, word)) return WORDS[word];
    return this.#fail("a value: a text in double quotes, a number, true, false, a list or an object", start);
  }

  /** The next character that is no space; empty at the end. */
  #peek(): string {
    this.#match(SPACE);
    return this.#text[this.#at] ?? "";
  }

  #takes(char: string): boolean {
    if (this.#peek() !== char) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #fail(allowed: string, at: number = this.#at): never {
    const found = /^(?:\/[/*]|[\w$.+-]+|[\s\S])/u.exec(this.#text.slice(at, at + 40))?.[0];
    const comment = found?.startsWith("/") ? "; comments are not allowed" : "";
    const what = found === undefined ? "the file ends here" : `${show(found)} is not expected here`;
    throw new Mistake(at, `${what}; allowed is ${allowed}${comment}`);
  }
}
