import { Buffer } from "node:buffer";
import type { ServerFrame } from "./protocol.ts";

/** Writes a frame as a line. */
export function encodeFrame(frame: ServerFrame): Uint8Array {
  return Buffer.from(`${JSON.stringify(frame)}\n`);
}
