import { type Buffer, isUtf8 } from "node:buffer";
import { bufferOf } from "../wire/mod.ts";
import type { RedisClient, RedisOptions } from "./contract.ts";
import { openSender } from "./sender.ts";

/** Connections that publish. */
export interface Publisher extends AsyncDisposable {
  /** Whether channels are at one server, or spread over those of a Cluster. */
  readonly kind: "one" | "cluster";
  /** Whether messages can be sent now; of a Cluster, on every channel. */
  readonly isUp: boolean;
  /** Whether messages can be sent now on that channel. */
  isUpFor(channel: string): boolean;
  /**
   * Publishes a message: those of one tick go out together, those of one channel in order. It has no deadline; the payload must not be
   * changed before it is sent.
   *
   * @throws {RedisError} `unreachable` at once while there is no connection.
   */
  publish(channel: string, payload: Uint8Array): Promise<unknown>;
  /** Waits for what is under way, at most for the deadline, and ends the connections. Idempotent. */
  close(): Promise<void>;
}

/**
 * Connects to a Redis for publishing; on a Cluster to channels of its shards (SPUBLISH).
 *
 * @throws {RedisError} As `connectKeyspace`.
 */
export async function connectPublisher(url: string, options: RedisOptions = {}): Promise<Publisher> {
  const ping = (client: RedisClient): Promise<unknown> => client.ping();
  const sender = await openSender(url, { prepare: ping, probe: ping }, options);
  const name = sender.kind === "one" ? "PUBLISH" : "SPUBLISH";
  return {
    kind: sender.kind,
    get isUp() {
      return sender.isUp;
    },
    isUpFor: (channel) => sender.linkOf(channel)?.isUp ?? false,
    publish(channel, payload) {
      return sender.send(channel, [name, channel, asText(bufferOf(payload))]);
    },
    close: () => sender.close(),
    [Symbol.asyncDispose]: () => sender.close(),
  };
}

/** Payloads up to this length are looked at. */
const MAX_TEXT_BYTES = 4096;

/** A payload as text where it is some: npm `redis` writes a command of texts in one piece, and one with bytes in three. */
function asText(payload: Buffer): string | Buffer {
  return payload.length <= MAX_TEXT_BYTES && isUtf8(payload) ? payload.toString() : payload;
}
