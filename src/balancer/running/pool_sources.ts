import type { Registry } from "../../registry/mod.ts";
import type { PoolConfiguration } from "../configuration/contract.ts";
import { isSame } from "../configuration/difference.ts";
import { watchDnsSource } from "../discovery/dns_source.ts";
import { watchFileSource } from "../discovery/file_source.ts";
import type { Membership } from "../discovery/membership.ts";
import { watchRegistry } from "../discovery/registry_source.ts";
import type { BalancerContext } from "./context.ts";

/** Where a pool's backends come from beside the configuration itself. */
export interface SourcePlan {
  readonly configuration: PoolConfiguration;
  /** The registry, where the pool takes servers from one. */
  readonly registry: Registry | undefined;
}

/** The sources of a pool that are followed now, by what they are. */
export class PoolSources implements AsyncDisposable {
  readonly #membership: Membership;
  readonly #context: BalancerContext;
  readonly #followed = new Map<SourceKind, Followed>();

  constructor(membership: Membership, context: BalancerContext) {
    this.#membership = membership;
    this.#context = context;
  }

  /**
   * Follows what a plan names, and nothing else; a source that stays the same is not touched. The backends of one that is named no longer
   * drain. Resolves when each new one has been read once, or has taken too long.
   */
  async follow({ configuration, registry }: SourcePlan): Promise<void> {
    const { file, dns, registry: registryPool } = configuration;
    const membership = this.#membership;
    const { report: onError, clock, nodeId } = this.#context;
    await Promise.all([
      this.#set("file", file, (path, source) =>
        watchFileSource({ path, membership, source, onError, clock }),
      ),
      this.#set("dns", dns, (query, source) => watchDnsSource({ query, membership, source, onError, clock })),
      this.#set(
        "registry",
        registry && registryPool,
        (poolName, source) =>
          // Without a registry there is nothing to be followed.
          watchRegistry({
            registry: registry as Registry,
            poolName,
            membership,
            source,
            nodeId,
            onError,
            clock,
          }),
        registry,
      ),
    ]);
  }

  /** Whether all that a plan names is followed: what could not be is tried again by {@linkcode follow}. */
  follows({ configuration, registry }: SourcePlan): boolean {
    const { file, dns, registry: registryPool } = configuration;
    const wanted = { file, dns, registry: registry && registryPool };
    const kinds: readonly SourceKind[] = ["file", "dns", "registry"];
    return kinds.every((kind) => wanted[kind] === undefined || this.#followed.has(kind));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = Array.from(this.#followed.values(), ({ source }) => source[Symbol.asyncDispose]());
    this.#followed.clear();
    await Promise.all(all);
  }

  async #set<T>(
    kind: SourceKind,
    what: T | undefined,
    start: (what: T, name: string) => Promise<AsyncDisposable>,
    registry?: Registry,
  ): Promise<void> {
    const known = this.#followed.get(kind);
    if (isSame(known?.what, what) && (what === undefined || known?.registry === registry)) return;
    this.#followed.delete(kind);
    await known?.source[Symbol.asyncDispose]();
    // Another one of its kind takes over the name: what both say stays.
    if (what === undefined) {
      this.#membership.update(kind, []);
      return;
    }
    try {
      this.#followed.set(kind, { what, registry, source: await start(what, kind) });
    } catch (error) {
      this.#context.report(error, { during: `follow ${kind} of pool ${this.#membership.pool.name}` });
    }
  }
}

type SourceKind = "file" | "dns" | "registry";

interface Followed {
  readonly what: unknown;
  /** Where it is read, where that is a registry. */
  readonly registry: Registry | undefined;
  readonly source: AsyncDisposable;
}
