import { bufferOf } from "../../wire/mod.ts";
import { inShort, ProtocolError } from "../protocol.ts";
import { frequentRequest } from "./frequent_request.ts";
import type { Request } from "./request.ts";
import { checkRequest, idOf } from "./request_schemas.ts";

/** What came of reading a frame: a request, or why it is none (with its `id`, where that could be read). */
export type Parsed =
  | { readonly request: Request }
  | { readonly error: ProtocolError; readonly id: string | undefined };

/** Reads one frame: UTF-8 JSON without its newline. Never throws, whatever the bytes. */
export function parseRequest(line: Uint8Array): Parsed {
  const json = decode(line);
  if (json === undefined) return bad("frame must be UTF-8", undefined);
  const frame = parseObject(json);
  if (typeof frame === "string") return bad(frame, undefined);
  const request = frequentRequest(frame, json) ?? checkRequest(frame);
  return typeof request === "string" ? bad(request, idOf(frame)) : { request };
}

function bad(message: string, frameId: string | undefined): Parsed {
  return { error: new ProtocolError("bad_frame", message), id: frameId };
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function decode(line: Uint8Array): string | undefined {
  const json = bufferOf(line).toString();
  // The strict decoder costs several times as much: it is asked only when the quick one may have mended something.
  if (!json.includes("\ufffd")) return json;
  try {
    return strictUtf8.decode(line);
  } catch {
    return undefined;
  }
}

/** The object in a line, or a sentence that says why there is none. */
function parseObject(json: string): Record<string, unknown> | string {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return `frame must be a JSON object on one line, received ${inShort(json)}`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return `frame must be a JSON object, received ${inShort(value)}`;
  }
  return value as Record<string, unknown>;
}
