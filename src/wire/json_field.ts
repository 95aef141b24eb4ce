import { bufferOf } from "./buffer_of.ts";
import { found, hexOf, none, type Peek, peekable, unfinished } from "./peek.ts";

const NEWLINE = 10;
const OPENING_BRACE = 0x7b;
const BLANKS: readonly number[] = [9, 13, 32];

/**
 * Reads one field of the JSON object that is the first line of a connection, such as `name` of a chat login.
 *
 * The line has at most {@linkcode MAX_PEEK_BYTES} with its newline. The field must be one of the object itself, and a text that is not
 * empty; the last one counts where there are several, as for `JSON.parse`. What is no object is refused by its first byte.
 *
 * @param field Its name.
 */
export function peekJsonField(bytes: Uint8Array, field: string): Peek<string> {
  const view = peekable(bytes);
  const first = view.find((byte) => !BLANKS.includes(byte));
  if (first !== undefined && first !== OPENING_BRACE)
    return none(`the line begins with ${hexOf(first)}; an object begins with 0x7b`);
  const end = bufferOf(view).indexOf(NEWLINE);
  if (end < 0) return unfinished(view);
  const object = parse(view.subarray(0, end));
  if (typeof object !== "object" || object === null) return none("the line is not a JSON object in UTF-8");
  const value: unknown = Reflect.get(object, field);
  const isText = typeof value === "string" && value !== "" && value.isWellFormed();
  return isText ? found(value, end + 1) : none(`the object has no text "${field}"`);
}

function parse(line: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
  } catch {
    return undefined;
  }
}
