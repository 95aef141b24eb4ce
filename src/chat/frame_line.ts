import type { ServerFrame } from "./protocol.ts";

/** A frame as its line, with its newline. */
export function frameLine(frame: ServerFrame): string {
  return `${JSON.stringify(frame)}\n`;
}
