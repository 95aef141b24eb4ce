import type { RedisConnection } from "../../../redis/mod.ts";
import { type Durability, StoreError } from "../contract.ts";

/**
 * Waits until what was written on the connection before is as durable as was asked for, at most for `timeoutMs`.
 *
 * @throws {StoreError} `unavailable` when the time is over.
 */
export type Confirm = (timeoutMs: number) => Promise<void>;

/**
 * Checks that a Redis keeps what it is given, and finds out how to make sure of `durable` after each write.
 *
 * @throws {StoreError} `unsuitable`, with what to change.
 * @throws {RedisError} When it does not answer.
 */
export async function checkDurability(connection: RedisConnection, durable: Durability): Promise<Confirm> {
  const info = await connection.ask("read the state of Redis", (client) => client.info());
  const policy = field(info, "maxmemory_policy");
  if (policy !== "noeviction") {
    throw unsuitable(
      connection,
      `its maxmemory-policy "${policy}" lets it drop messages; set it to noeviction`,
    );
  }
  switch (durable) {
    case "memory":
      return async () => undefined;
    case "disk":
      return confirmDisk(connection, info);
    case "replica":
      if (field(info, "connected_slaves") === "0") throw unsuitable(connection, "it has no replica");
      return (timeoutMs) => confirm(connection, ["WAIT", "1", `${timeoutMs}`], "no replica has it");
  }
}

async function confirmDisk(connection: RedisConnection, info: string): Promise<Confirm> {
  if (field(info, "aof_enabled") !== "1") {
    throw unsuitable(connection, "it writes no append-only file; set appendonly to yes");
  }
  const settings = await connection.ask("read the settings of Redis", (client) =>
    client.configGet("appendfsync"),
  );
  if (settings.appendfsync === "always") return async () => undefined;
  if (isOlderThan(field(info, "redis_version"), 7, 2)) {
    throw unsuitable(
      connection,
      "it answers before its disk does; set appendfsync to always, or use Redis 7.2",
    );
  }
  return (timeoutMs) => confirm(connection, ["WAITAOF", "1", "0", `${timeoutMs}`], "its disk has not");
}

/** WAIT answers with a number of replicas, WAITAOF with that of the local disk first. */
async function confirm(
  connection: RedisConnection,
  command: readonly string[],
  failure: string,
): Promise<void> {
  const answer = await connection.ask("wait for Redis", (client) => client.sendCommand([...command]));
  const count: unknown = Array.isArray(answer) ? answer[0] : answer;
  if (Number(count) >= 1) return;
  throw new StoreError("unavailable", `Cannot write to the store: Redis has it, but ${failure} in time`);
}

function field(info: string, name: string): string {
  return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "unknown";
}

function isOlderThan(version: string, major: number, minor: number): boolean {
  const [actualMajor = 0, actualMinor = 0] = version.split(".").map(Number);
  return actualMajor < major || (actualMajor === major && actualMinor < minor);
}

function unsuitable(connection: RedisConnection, reason: string): StoreError {
  return new StoreError("unsuitable", `Cannot keep messages in Redis at ${connection.shownUrl}: ${reason}`);
}
