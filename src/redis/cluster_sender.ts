import type { Buffer } from "node:buffer";
import { type RedisModule, toRedisError } from "./client.ts";
import { Cluster, type ClusterNode } from "./cluster.ts";
import { type RedisClient, RedisError, type RedisOptions } from "./contract.ts";
import type { Link, LinkUse } from "./link.ts";
import type { Sender, SendSettings } from "./sender.ts";
import { hostOf, readRedirect, slotOf } from "./slots.ts";
import type { RedisPlace } from "./url.ts";

/** What {@linkcode ClusterSender} needs. */
export interface ClusterSenderOptions {
  readonly module: RedisModule;
  readonly place: Extract<RedisPlace, { readonly kind: "cluster" }>;
  readonly use: LinkUse;
  readonly options: RedisOptions;
}

/** How often one command is sent to another node because the one before said so. */
const MAX_REDIRECTS = 5;

/**
 * Sends commands to the masters of a Cluster. One that is sent to the wrong node has not been carried out: it is sent to the right one; no
 * other command is ever sent twice. While a slot moves, commands for it that are under way may so be overtaken. One whose answer comes when
 * its slot has another master already is `unreachable`: nobody knows whether that one has what it did.
 */
export class ClusterSender implements Sender {
  readonly kind = "cluster";
  readonly shownUrl: string;
  readonly deadlineMs: number;
  readonly #module: RedisModule;
  readonly #cluster: Cluster;
  #isClosed = false;

  private constructor({ module, place, options }: ClusterSenderOptions, cluster: Cluster) {
    this.#module = module;
    this.shownUrl = place.shownUrl;
    this.deadlineMs = options.deadlineMs ?? 5000;
    this.#cluster = cluster;
  }

  /** Resolves when every master answers. @throws {RedisError} */
  static async open(settings: ClusterSenderOptions): Promise<ClusterSender> {
    const cluster = await Cluster.open({ ...settings, useOf: () => settings.use });
    return new ClusterSender(settings, cluster);
  }

  get isUp(): boolean {
    return this.#cluster.isUp;
  }

  async send(key: string, args: readonly (string | Buffer)[], settings?: SendSettings): Promise<unknown> {
    const action = `run ${args[0]}`;
    const slot = slotOf(key);
    let node = this.#cluster.owner(slot);
    let isAsking = false;
    for (let tries = 0; node && tries <= MAX_REDIRECTS; tries++) {
      try {
        return await this.#sendTo({ node, isAsking }, slot, args, settings);
      } catch (error) {
        const next = this.#next(slot, node, error);
        if (!next) throw this.#isClosed ? error : asLost(error);
        ({ node, isAsking } = next);
      }
    }
    if (node) throw new RedisError("unreachable", `Cannot ${action}: slot ${slot} is sent from node to node`);
    throw new RedisError("unreachable", `Cannot ${action}: slot ${slot} has no master`);
  }

  translate(error: unknown, action: string): Error {
    return toRedisError(this.#module, error, action);
  }

  links(): readonly Link[] {
    return [...this.#cluster.owners()].map(({ link }) => link);
  }

  linkOf(key: string): Link | undefined {
    return this.#cluster.owner(slotOf(key))?.link;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#cluster.close();
  }

  async #sendTo(
    { node: { link }, isAsking }: { readonly node: ClusterNode; readonly isAsking: boolean },
    slot: number,
    args: readonly (string | Buffer)[],
    settings: SendSettings | undefined,
  ): Promise<unknown> {
    const action = `run ${args[0]}`;
    const reply = await link.run(action, sending(args, settings, isAsking));
    if (isAsking || this.#cluster.owner(slot)?.link === link) return reply;
    // What a master takes that others have failed over from, such as one that was frozen, goes with it when it hears of that.
    throw new RedisError("unreachable", `Cannot ${action}: slot ${slot} has another master since`);
  }

  /** Where to go with a command that a node did not take. */
  #next(
    slot: number,
    from: ClusterNode,
    error: unknown,
  ): { node: ClusterNode; isAsking: boolean } | undefined {
    const reply = error instanceof RedisError ? error.cause : undefined;
    const redirect = readRedirect(reply, hostOf(from.address));
    if (!redirect) {
      // The map may be old: what is asked of us there is not there any more.
      if (error instanceof RedisError && error.code === "unreachable") this.#cluster.refresh();
      return undefined;
    }
    switch (redirect.kind) {
      case "ask":
        return { node: this.#cluster.node(redirect.address), isAsking: true };
      case "moved":
        return { node: this.#cluster.moved(slot, redirect.address), isAsking: false };
    }
  }
}

/** The connection to a node that left the Cluster is closed by us, but the Cluster is not. */
function asLost(error: unknown): unknown {
  if (!(error instanceof RedisError && error.code === "closed")) return error;
  return new RedisError("unreachable", error.message, { cause: error });
}

function sending(
  args: readonly (string | Buffer)[],
  settings: SendSettings | undefined,
  isAsking: boolean,
): (client: RedisClient) => Promise<unknown> {
  return async (client) => {
    if (!isAsking) return await client.sendCommand(args, settings);
    const [, reply] = await Promise.all([client.sendCommand(["ASKING"]), client.sendCommand(args, settings)]);
    return reply;
  };
}
