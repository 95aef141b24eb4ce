import type { Buffer } from "node:buffer";
import { systemClock } from "../async/mod.ts";
import type { RedisModule } from "./client.ts";
import { ClusterSender } from "./cluster_sender.ts";
import type { RedisOptions } from "./contract.ts";
import { Link, type LinkUse } from "./link.ts";
import { Sentinels } from "./sentinels.ts";
import { fixedTarget } from "./target.ts";
import { parseUrl, type RedisPlace, showUrl } from "./url.ts";

/** How npm `redis` is to read an answer. */
export interface SendSettings {
  readonly typeMapping?: { readonly 36: typeof Buffer };
}

/** Sends commands to the server of a key, whatever Redis it is. */
export interface Sender {
  readonly kind: "one" | "cluster";
  /** The address without its password. */
  readonly shownUrl: string;
  /** Whether commands can be sent now, to every part of a Cluster. */
  readonly isUp: boolean;
  readonly deadlineMs: number;
  /**
   * Sends one command, without a deadline. Commands of one tick go out together.
   *
   * @throws {RedisError}
   */
  send(key: string, args: readonly (string | Buffer)[], settings?: SendSettings): Promise<unknown>;
  /** What went wrong in our words. */
  translate(error: unknown, action: string): Error;
  /** The connections to all servers that own keys. */
  links(): readonly Link[];
  /** The connection to the server of a key, as far as known. */
  linkOf(key: string): Link | undefined;
  /** Waits for what is under way, at most for the deadline, and ends the connections. */
  close(): Promise<void>;
}

/** What is done with each connection, whatever server it is to. */
export type SenderUse = Omit<LinkUse, "server">;

/**
 * Connects to the master of one Redis or of those that sentinels watch, or to all masters of a Cluster.
 *
 * @throws {RedisError} `bad_url`; `unreachable`, `timeout` or `rejected` when it cannot connect the first time.
 */
export async function openSender(url: string, use: SenderUse, options: RedisOptions): Promise<Sender> {
  const place = parseUrl(url);
  const module = await import("redis");
  if (place.kind === "cluster") {
    const node: LinkUse = { ...use, server: "node" };
    return await ClusterSender.open({ module, place, use: node, options });
  }
  const link = await openLink(module, place, { ...use, server: "master" }, options);
  return {
    kind: "one",
    shownUrl: showUrl(url),
    get isUp() {
      return link.isUp;
    },
    deadlineMs: link.deadlineMs,
    send: (_, args, settings) => link.run(`run ${args[0]}`, (client) => client.sendCommand(args, settings)),
    translate: (error, action) => link.translate(error, action),
    links: () => [link],
    linkOf: () => link,
    close: () => link.close(),
  };
}

/** Connects to one server: the one at an address, or the master that sentinels name. @throws {RedisError} */
export function openLink(
  module: RedisModule,
  place: Exclude<RedisPlace, { readonly kind: "cluster" }>,
  use: LinkUse,
  options: RedisOptions,
): Promise<Link> {
  if (place.kind === "one") return Link.open(module, fixedTarget(place.url), use, options);
  const sentinels = new Sentinels({ module, place, clock: options.clock ?? systemClock });
  // A new master takes over within seconds.
  const recovery = { reconnect: { firstMs: 50, maxMs: 500 }, ...options.recovery };
  return Link.open(module, sentinels, { ...use, server: "master" }, { ...options, recovery });
}
