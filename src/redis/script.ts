import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { toArgument } from "./client.ts";
import type { RedisConnection } from "./connection.ts";
import type { RedisValue } from "./contract.ts";

/** A Lua script with the name under which Redis keeps it. */
export interface RedisScript {
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
  const tail = [`${keys.length}`, ...keys.map(toArgument), ...args.map(toArgument)];
  const settings = options.replies === "bytes" ? { typeMapping: BYTES } : {};
  return connection.ask(
    "run a script",
    async (client) => {
      try {
        return await client.sendCommand(["EVALSHA", script.sha, ...tail], settings);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
        return await client.sendCommand(["EVAL", script.source, ...tail], settings);
      }
    },
    options.deadlineMs,
  );
}
