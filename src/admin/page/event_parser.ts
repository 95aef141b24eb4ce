/** One server-sent event. */
export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

/** The longest event that is read, in characters: far more than 100,000 backends take. */
const MAX_LENGTH = 256 * 1024 * 1024;

/** Reads server-sent events out of text that comes in pieces. */
export class EventParser {
  #rest = "";
  #name = "message";
  #data: string[] = [];

  /**
   * Takes one more piece.
   *
   * @returns The events that are whole now.
   * @throws {RangeError} When an event gets too long.
   */
  take(piece: string): ServerEvent[] {
    const all = this.#rest + piece;
    if (all.length > MAX_LENGTH) throw new RangeError("Cannot read event: it is too long");
    // A long line comes in many pieces, which are not looked through again and again.
    const lines = piece.includes("\n") ? all.split("\n") : [all];
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line) ?? []);
  }

  #line(line: string): ServerEvent | undefined {
    if (line === "") return this.#whole();
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") this.#name = value;
    if (field === "data") this.#data.push(value);
    return undefined;
  }

  #whole(): ServerEvent | undefined {
    const event = { name: this.#name, data: this.#data.join("\n") };
    const isEmpty = this.#data.length === 0;
    this.#name = "message";
    this.#data = [];
    return isEmpty ? undefined : event;
  }
}
