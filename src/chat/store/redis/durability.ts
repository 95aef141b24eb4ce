import { RedisError, type RedisKeyspace, type ServerCommand } from "../../../redis/mod.ts";
import { type Durability, StoreError } from "../contract.ts";
import type { Keys } from "./keys.ts";

/**
 * Waits until what was written before is as durable as was asked for, where a key is kept.
 *
 * @throws {StoreError} `unavailable` when that takes too long.
 */
export type Confirm = (key: string) => Promise<void>;

/** What is left of a batch's deadline to hear that the wait for the disk or a replica is over, in milliseconds. */
const ANSWER_MS = 250;

/** How to make sure that what was written is durable, where that takes more than to write it. */
export interface Wait {
  readonly args: readonly string[];
  /** Why it was in vain. */
  readonly failure: string;
}

/**
 * Checks that every master keeps what it is given, and finds out how to make sure of `durable` after each write.
 *
 * @returns Undefined where there is nothing to wait for.
 * @throws {StoreError} `unsuitable`, with what to change.
 * @throws {RedisError} When one does not answer.
 */
export async function checkDurability(
  keyspace: RedisKeyspace,
  durable: Durability,
): Promise<Wait | undefined> {
  const waits = await keyspace.eachMaster((command) => check(command, durable, keyspace.shownUrl));
  // One that must be waited for is enough: the others answer at once, or have the same settings.
  return waits.find((each) => each !== undefined);
}

/**
 * Makes a check that a server still keeps what it is given, and can be waited for in the same way: one may be configured anew, or another one come in its place.
 * How many replicas there are is left to the wait.
 *
 * @param wait What {@linkcode checkDurability} found.
 * @returns Rejects with a {@linkcode RedisError} `unwritable` where it does not.
 */
export function staysDurable(
  durable: Durability,
  wait: Wait | undefined,
  shownUrl: string,
): (command: ServerCommand) => Promise<void> {
  return async (command) => {
    try {
      const found = await check(command, durable === "replica" ? "memory" : durable, shownUrl);
      if (found && !wait) throw unsuitable(shownUrl, "its appendfsync is no longer always; set it back");
    } catch (error) {
      throw error instanceof StoreError ? new RedisError("unwritable", error.message) : error;
    }
  };
}

async function check(
  command: ServerCommand,
  durable: Durability,
  shownUrl: string,
): Promise<Wait | undefined> {
  const info = String(await command(["INFO"]));
  const policy = field(info, "maxmemory_policy");
  if (policy !== "noeviction") {
    throw unsuitable(
      shownUrl,
      `its maxmemory-policy "${policy}" lets it drop messages; set it to noeviction`,
    );
  }
  switch (durable) {
    case "memory":
      return undefined;
    case "disk":
      return await waitForDisk(command, info, shownUrl);
    case "replica":
      if (field(info, "connected_slaves") === "0") throw unsuitable(shownUrl, "it has no replica");
      return { args: ["WAIT", "1"], failure: "no replica has it" };
  }
}

async function waitForDisk(
  command: ServerCommand,
  info: string,
  shownUrl: string,
): Promise<Wait | undefined> {
  if (field(info, "aof_enabled") !== "1") {
    throw unsuitable(shownUrl, "it writes no append-only file; set appendonly to yes");
  }
  if (setting(await command(["CONFIG", "GET", "appendfsync"])) === "always") return undefined;
  if (isOlderThan(field(info, "redis_version"), 7, 2)) {
    throw unsuitable(
      shownUrl,
      "it answers before its disk does; set appendfsync to always, or use Redis 7.2",
    );
  }
  return { args: ["WAITAOF", "1", "0"], failure: "its disk has not" };
}

/** The value in an answer of CONFIG GET for one setting: a list, or a record by RESP3. */
function setting(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply[1];
  if (reply instanceof Map) return reply.values().next().value;
  return typeof reply === "object" && reply !== null ? Object.values(reply)[0] : undefined;
}

/** What {@linkcode confirmOnce} works with. */
export interface ConfirmOptions {
  /** Through which it was written. */
  readonly keyspace: RedisKeyspace;
  /** For waiting alone: Redis does nothing else on a connection that waits. */
  readonly waits: RedisKeyspace;
  readonly keys: Keys;
  /** The longest to wait for the disk or a replica, and to hear of it, in milliseconds. */
  readonly deadlineMs: number;
}

/** All who ask in one turn for the same server share one wait. */
export function confirmOnce({ args, failure }: Wait, options: ConfirmOptions): Confirm {
  const { keyspace, waits, keys, deadlineMs } = options;
  const timeoutMs = Math.max(1, deadlineMs - ANSWER_MS);
  const asked = new Map<string, Promise<void>>();
  const isAt = (server: string, key: string): boolean =>
    keyspace.history(key) === server && waits.history(key) === server;
  async function confirm(key: string, server: string): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    asked.delete(server);
    if (!isAt(server, key)) throw failedOver();
    const [, , answer] = await Promise.all([
      // A connection waits for what it has written itself, and for all that was written before that.
      waits.command(key, ["SET", keys.waited(key), "", "PX", "60000"]),
      // While a slot moves that may be written elsewhere. By Redis 7.0 any command counts, and this one is never sent on.
      waits.command(key, ["PING"]),
      waits.command(key, [...args, `${timeoutMs}`]),
    ]);
    if (!isAt(server, key)) throw failedOver();
    // WAIT answers with a number of replicas, WAITAOF with that of the local disk first.
    const count: unknown = Array.isArray(answer) ? answer[0] : answer;
    if (Number(count) >= 1) return;
    throw unconfirmed(new RedisError("unwritable", `Redis has it, but ${failure} in time`));
  }
  return (key) => {
    const server = keyspace.history(key);
    const waiting = asked.get(server);
    if (waiting !== undefined) return waiting;
    const confirming = confirm(key, server);
    asked.set(server, confirming);
    return confirming;
  };
}

/** What was written or read is of a history that is no longer the one. */
export function failedOver(): StoreError {
  return unconfirmed(new RedisError("unreachable", "Redis has failed over meanwhile"));
}

function unconfirmed(cause: RedisError): StoreError {
  return new StoreError("unavailable", `Cannot write to the store: ${cause.message}`, { cause });
}

function field(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "unknown";
}

function isOlderThan(version: string, major: number, minor: number): boolean {
  const [actualMajor = 0, actualMinor = 0] = version.split(".").map(Number);
  return actualMajor < major || (actualMajor === major && actualMinor < minor);
}

function unsuitable(shownUrl: string, reason: string): StoreError {
  return new StoreError("unsuitable", `Cannot keep messages in Redis at ${shownUrl}: ${reason}`);
}
