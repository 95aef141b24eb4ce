import { Buffer } from "node:buffer";
import * as v from "valibot";
import { inShort, MAX_PAGE, MAX_TEXT_BYTES, ProtocolError, type Request } from "./protocol.ts";

const wellFormed = v.pipe(
  v.string(),
  v.check((text) => text.isWellFormed(), "must be well-formed Unicode"),
);
const requestId = v.pipe(
  wellFormed,
  v.minLength(1, "must have 1 to 64 characters"),
  v.maxLength(64, "must have 1 to 64 characters"),
);
const id = v.nullish(requestId);
const credential = v.pipe(
  wellFormed,
  v.minLength(1, "must have 1 to 1024 characters"),
  v.maxLength(1024, "must have 1 to 1024 characters"),
);
const count = v.pipe(
  v.number(),
  v.safeInteger("must be a whole number"),
  v.minValue(0, "must not be negative"),
);
const limit = v.pipe(
  count,
  v.minValue(1, `must be 1 to ${MAX_PAGE}`),
  v.maxValue(MAX_PAGE, `must be 1 to ${MAX_PAGE}`),
);
const text = v.pipe(
  wellFormed,
  v.minLength(1, "must not be empty"),
  v.check(
    (value) => Buffer.byteLength(value) <= MAX_TEXT_BYTES,
    `must have at most ${MAX_TEXT_BYTES} bytes as UTF-8`,
  ),
);
const cursor = v.object({ epoch: v.string(), inbox: count, stamp: count });

const REQUESTS: { readonly [T in Request["type"]]: v.GenericSchema<unknown, Extract<Request, { type: T }>> } =
  {
    register: v.object({ type: v.literal("register"), id, name: wellFormed, password: credential }),
    login: v.object({
      type: v.literal("login"),
      id,
      name: v.nullish(wellFormed),
      password: v.nullish(credential),
      token: v.nullish(credential),
      device: v.nullish(requestId),
      cursor: v.nullish(cursor),
    }),
    logout: v.object({ type: v.literal("logout"), id, all: v.nullish(v.boolean()) }),
    send: v.object({ type: v.literal("send"), id: requestId, to: wellFormed, text }),
    ack: v.object({ type: v.literal("ack"), id, inbox: count }),
    sync: v.object({ type: v.literal("sync"), id, inbox: count, limit: v.nullish(limit) }),
    history: v.object({
      type: v.literal("history"),
      id,
      with: wellFormed,
      before: v.nullish(count),
      limit: v.nullish(limit),
    }),
    ping: v.object({ type: v.literal("ping"), id }),
  };

/** What came of reading a frame: a request, or why it is none (with its `id`, where that could be read). */
export type Parsed =
  | { readonly request: Request }
  | { readonly error: ProtocolError; readonly id: string | undefined };

/** Reads one frame: UTF-8 JSON without its newline. Never throws, whatever the bytes. */
export function parseRequest(line: Uint8Array): Parsed {
  const frame = parseObject(line);
  if (typeof frame === "string") return bad(frame, undefined);
  const frameId = v.is(requestId, frame.id) ? frame.id : undefined;
  const { type } = frame;
  if (typeof type !== "string") return bad(`type must be a string, received ${inShort(type)}`, frameId);
  if (!Object.hasOwn(REQUESTS, type)) {
    return bad(`type must be one of ${Object.keys(REQUESTS).join(", ")}, received ${inShort(type)}`, frameId);
  }
  const result = v.safeParse(REQUESTS[type as keyof typeof REQUESTS], frame, { abortEarly: true });
  if (result.success) return { request: result.output };
  const [issue] = result.issues;
  const path = issue.path?.map(({ key }) => String(key)).join(".") ?? "frame";
  if (issue.input === undefined) return bad(`${path} is missing`, frameId);
  // The check's own words where it has some; valibot's name the type only.
  const wanted = issue.message.startsWith("must") ? issue.message : `must be of type ${issue.expected}`;
  return bad(`${path} ${wanted}, received ${inShort(issue.input)}`, frameId);
}

function bad(message: string, frameId: string | undefined): Parsed {
  return { error: new ProtocolError("bad_frame", message), id: frameId };
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The object in a line, or a sentence that says why there is none. */
function parseObject(line: Uint8Array): Record<string, unknown> | string {
  let json = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString();
  try {
    // The strict decoder costs several times as much: it is asked only when the quick one may have mended something.
    if (json.includes("\ufffd")) json = strictUtf8.decode(line);
  } catch {
    return "frame must be UTF-8";
  }
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
