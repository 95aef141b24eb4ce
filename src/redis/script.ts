import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { toArgument } from "./client.ts";
import type { RedisConnection } from "./connection.ts";
import type { RedisValue } from "./contract.ts";
import type { SendSettings } from "./sender.ts";

/** A Lua script with the name under which Redis keeps it. */
export interface RedisScript {
  /** What Redis runs. */
  readonly source: string;
  /** The SHA-1 of the source in hex. */
  readonly sha: string;
}

/** Options for {@linkcode runScript}. */
export interface RunScriptOptions {
  /** How strings come back: as text, or as bytes (`Buffer`). @default {"text"} */
  replies?: "text" | "bytes";
  /** The longest to wait for the answer, in milliseconds. @default {that of the connection} */
  deadlineMs?: number;
}

/** Bulk strings, marked by `$` in the protocol, as bytes. */
const BYTES = { 36: Buffer };

/** Makes a script out of its Lua source. */
export function defineScript(source: string): RedisScript {
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}

/**
 * Runs a script by its name, and with its source where Redis does not know it (yet, or since a restart). Of calls that are
 * under way at that moment, one that is sent again is overtaken by later ones.
 *
 * @param keys Every key that the script touches.
 * @returns What the script gave.
 * @throws {RedisError} `rejected` when the script failed; the rest as {@linkcode RedisConnection.ask}.
 */
export function runScript(
  connection: RedisConnection,
  script: RedisScript,
  keys: readonly RedisValue[],
  args: readonly RedisValue[],
  options: RunScriptOptions = {},
): Promise<unknown> {
  return connection.ask(
    "run a script",
    (client) =>
      sendScript((command, settings) => client.sendCommand(command, settings), script, keys, args, options),
    options.deadlineMs,
  );
}

/** Sends a script by its name, and with its source when the answer is that it is not known. */
export async function sendScript(
  send: (args: readonly (string | Buffer)[], settings: SendSettings) => Promise<unknown>,
  script: RedisScript,
  keys: readonly RedisValue[],
  args: readonly RedisValue[],
  options: RunScriptOptions,
): Promise<unknown> {
  const tail = [`${keys.length}`, ...keys.map(toArgument), ...args.map(toArgument)];
  const settings = settingsOf(options);
  try {
    return await send(["EVALSHA", script.sha, ...tail], settings);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    return await send(["EVAL", script.source, ...tail], settings);
  }
}

/** The same as npm `redis` calls it. */
export function settingsOf({ replies }: RunScriptOptions): SendSettings {
  return replies === "bytes" ? { typeMapping: BYTES } : {};
}

/** NOSCRIPT, as the client threw it or as the cause of our own error. */
function isUnknown(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message.startsWith("NOSCRIPT") || isUnknown(error.cause);
}
