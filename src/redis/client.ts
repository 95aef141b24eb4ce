import type { Buffer } from "node:buffer";
import { type Clock, DeadlineError, withDeadline } from "../async/mod.ts";
import { toNetError } from "../net/mod.ts";
import { bufferOf } from "../wire/mod.ts";
import { type RedisClient, RedisError, type RedisErrorCode, type RedisValue } from "./contract.ts";

/** Npm `redis`, loaded when a connection is first asked for. */
export type RedisModule = typeof import("redis");

/** Options for {@linkcode dial}. */
export interface DialOptions {
  readonly url: string;
  readonly connectMs: number;
  readonly maxPending: number;
  /** Ends the try. */
  readonly signal: AbortSignal;
  /** Makes the new client ready for use, within the same deadline. */
  prepare(client: RedisClient): Promise<unknown>;
  /** Called once, when the connection has ended for whatever reason. */
  onLost(client: RedisClient, cause: Error): void;
}

const templates = new WeakMap<RedisModule, RedisClient>();

/**
 * A client that is never connected. Making one with other options than the last one's makes a class of several hundred methods anew, which
 * takes up to 200 ms; making one after a template does not.
 */
function templateOf(module: RedisModule): RedisClient {
  let template = templates.get(module);
  if (!template) {
    template = module.createClient({ maintNotifications: "disabled" });
    templates.set(module, template);
  }
  return template;
}

/**
 * Connects a client once: when it is lost it stays so, and everything that was asked of it rejects. Leaves nothing behind
 * when it fails.
 */
export async function dial(module: RedisModule, options: DialOptions): Promise<RedisClient> {
  const { url, connectMs, signal } = options;
  signal.throwIfAborted();
  const client: RedisClient = templateOf(module).duplicate({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: options.maxPending,
    // Its timeout for each command costs most of the throughput: deadlines are ours, on whole batches.
    commandOptions: { timeout: 0 },
    maintNotifications: "disabled",
    socket: { connectTimeout: connectMs, reconnectStrategy: false },
  });
  const state: { lost: Error | undefined } = { lost: undefined };
  function onLost(cause: Error): void {
    if (state.lost) return;
    state.lost = cause;
    options.onLost(client, cause);
  }
  client.on("error", onLost);
  client.on("end", () => onLost(new Error("closed by us")));
  const connecting = client.connect();
  const destroy = (): void => client.destroy();
  signal.addEventListener("abort", destroy, { once: true });
  try {
    await withDeadline(
      connecting.then(() => options.prepare(client)),
      connectMs,
      "connect",
    );
    if (state.lost) throw state.lost;
    return client;
  } catch (error) {
    client.destroy();
    // A dial under way cannot be stopped; a socket that opens later must not stay.
    void connecting.then(destroy, () => undefined);
    throw error;
  } finally {
    signal.removeEventListener("abort", destroy);
  }
}

/** Waits for what was asked of a client, at most for the deadline, and ends it. @throws {DeadlineError} */
export async function finish(client: RedisClient, deadlineMs: number, clock: Clock): Promise<void> {
  const ended = new Promise<void>((resolve) => client.once("error", () => resolve()));
  try {
    await withDeadline(Promise.race([client.close(), ended]), deadlineMs, "close", clock);
  } finally {
    client.destroy();
  }
}

/**
 * Wraps whatever the client threw.
 *
 * @param action What was being done, as in "Cannot `action`: …".
 * @returns The error as it is when it is a mistake of the caller.
 */
export function toRedisError(module: RedisModule, cause: unknown, action: string): Error {
  if (cause instanceof RedisError || cause instanceof TypeError) return cause;
  if (cause instanceof DeadlineError) {
    return new RedisError("timeout", `Cannot ${action}: no answer in time`, { cause });
  }
  if (cause instanceof module.ErrorReply) return toRefusal(cause.message, action, { cause });
  if (cause instanceof Error && cause.message === "The queue is full") {
    return new RedisError("overloaded", `Cannot ${action}: too many commands wait for their answers`, {
      cause,
    });
  }
  return new RedisError("unreachable", toNetError(cause, action).message, { cause });
}

/** What is the matter with a server that begins an error with such a word; with any other one it refuses the command. */
const CODES: Readonly<Record<string, RedisErrorCode>> = {
  READONLY: "unreachable",
  LOADING: "unreachable",
  MASTERDOWN: "unreachable",
  CLUSTERDOWN: "unreachable",
  TRYAGAIN: "unreachable",
  MOVED: "unreachable",
  ASK: "unreachable",
  OOM: "unwritable",
  MISCONF: "unwritable",
  NOREPLICAS: "unwritable",
};

/**
 * What an error means that Redis answered, or that a script caught and hands on.
 *
 * @param reply Its text, without the `-` before it.
 * @param action What was being done, as in "Cannot `action`: …".
 */
export function toRefusal(reply: string, action: string, options?: ErrorOptions): RedisError {
  const [word = ""] = reply.split(" ", 1);
  return new RedisError(CODES[word] ?? "rejected", `Cannot ${action}: ${reply}`, options);
}

/** Whether an answer shows that a server cannot serve us any more: a replica, or one that still loads its data. */
export function isNoMaster(module: RedisModule, error: unknown): boolean {
  return error instanceof module.ErrorReply && /^(?:READONLY|LOADING|MASTERDOWN) /.test(error.message);
}

/** A value as npm `redis` takes it, without copying. */
export function toArgument(value: RedisValue): string | Buffer {
  return typeof value === "string" ? value : bufferOf(value);
}
