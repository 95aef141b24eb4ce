import { Buffer } from "node:buffer";
import { DeadlineError, withDeadline } from "../async/mod.ts";
import { Refusal } from "./refusal.ts";

/** The most bytes that a body may have. */
export const MAX_BODY_BYTES = 65_536;

/** How deep what a body holds may be nested: no change needs more than a few levels. */
const MAX_DEPTH = 32;

/** How long a body may take to come. */
const BODY_MS = 10_000;

/**
 * Reads the JSON of a request's body.
 *
 * @returns Undefined when there is no body.
 * @throws {Refusal} 413 when it is larger than {@linkcode MAX_BODY_BYTES}, 408 when it does not come in 10 s, 400 when it is not JSON, or nested too deeply.
 */
export async function readJson(request: Request): Promise<unknown> {
  const length = Number(request.headers.get("content-length") ?? 0);
  if (length > MAX_BODY_BYTES) throw tooLarge();
  const bytes = await readBytes(request.body);
  if (bytes.length === 0) return undefined;
  const value = parse(bytes);
  // Who shows what was found, level by level, would run out of stack.
  if (isDeep(value)) throw new Refusal(`the body is nested more than ${MAX_DEPTH} deep`, { status: 400 });
  return value;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Refusal("the body is not JSON", { status: 400, cause });
  }
}

function isDeep(value: unknown): boolean {
  let level = [value].filter(isObject);
  for (let depth = 0; depth < MAX_DEPTH; depth++) level = level.flatMap(Object.values).filter(isObject);
  return level.length > 0;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

async function readBytes(body: Request["body"]): Promise<Uint8Array> {
  if (!body) return new Uint8Array();
  const reader = body.getReader();
  try {
    return await withDeadline(readAll(reader), BODY_MS, "read the body");
  } catch (error) {
    // Nothing more of it is wanted; that it could not be told so changes nothing.
    void reader.cancel().catch(() => undefined);
    if (error instanceof DeadlineError)
      throw new Refusal("the body did not come", { status: 408, cause: error });
    throw error;
  }
}

async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(next.value);
  }
  return Buffer.concat(chunks);
}

function tooLarge(): Refusal {
  // What is left of the body is not read, so that the connection cannot be used again.
  return new Refusal(`a body has at most ${MAX_BODY_BYTES} bytes`, {
    status: 413,
    headers: { connection: "close" },
  });
}
