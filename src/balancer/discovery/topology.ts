import { type Announcement, CHAT_POOL } from "../../registry/mod.ts";
import { DiscoveryError } from "./error.ts";

/** The pool of the HTTP and WebSocket side of chat servers. */
export const WEB_POOL = "web";

/**
 * Where a pool of that name reaches who announced itself: its own pool by `tcp`, and the pool `web` every chat server that has such a
 * side.
 *
 * @returns Undefined when it is not for that pool.
 */
export function addressFor(
  { pool = CHAT_POOL, tcp, web }: Announcement,
  poolName: string,
): string | undefined {
  if (pool === poolName) return tcp;
  return pool === CHAT_POOL && poolName === WEB_POOL ? web : undefined;
}

/** What is said of a way that leads clients back. @param path The nodes on it, the first one at both ends. */
export function loopError(action: string, path: readonly string[]): DiscoveryError {
  return new DiscoveryError("loop", `Cannot ${action}: clients would come back, ${path.join(" > ")}`);
}

/** Who stands behind whom, as far as it is announced. Pure bookkeeping. */
export class Topology {
  readonly #announced = new Map<string, Announcement>();

  see(announcement: Announcement): void {
    this.#announced.set(announcement.id, announcement);
  }

  leave(id: string): void {
    this.#announced.delete(id);
  }

  /** Every node behind the pools of those names, once each. */
  behind(pools: readonly string[]): string[] {
    return [...new Set(this.#in(pools).flatMap(({ via = [] }) => via))];
  }

  /** The way on which a client that is sent to `from` comes to `nodeId`, which is in its `via`: both ends included. */
  pathFrom(from: Announcement, nodeId: string): string[] {
    const path: string[] = [];
    for (let next: Announcement | undefined = from; next; next = this.#nextOn(path, next, nodeId))
      path.push(nodeOf(next));
    // It may be its own announcement.
    return path.at(-1) === nodeId ? path : [...path, nodeId];
  }

  /**
   * Looks for a way from a node back to itself.
   *
   * @param serves The pools that the node sends its clients to.
   * @param into The pool that it would be in.
   * @returns The way with the node at both ends; undefined when there is none.
   */
  findLoop(nodeId: string, serves: readonly string[], into: string): string[] | undefined {
    if (serves.includes(into)) return [nodeId, nodeId];
    for (const announcement of this.#in(serves)) {
      const { via = [] } = announcement;
      if (via.includes(nodeId) && via[0] !== nodeId) return [nodeId, ...this.pathFrom(announcement, nodeId)];
    }
    return this.#findPool(nodeId, serves, into);
  }

  /** The same by pools: one that is not there yet is in nobody's `via`. */
  #findPool(nodeId: string, serves: readonly string[], into: string): string[] | undefined {
    const seen = new Set<string>();
    const ways = [{ path: [nodeId], pools: serves }];
    for (const { path, pools } of ways) {
      for (const announcement of this.#in(pools)) {
        const node = nodeOf(announcement);
        if (seen.has(announcement.id) || node === nodeId) continue;
        seen.add(announcement.id);
        const next = { path: [...path, node], pools: announcement.serves ?? [] };
        if (next.pools.includes(into)) return [...next.path, nodeId];
        ways.push(next);
      }
    }
    return undefined;
  }

  #in(pools: readonly string[]): Announcement[] {
    return Array.from(this.#announced.values()).filter((announcement) =>
      pools.some((pool) => addressFor(announcement, pool) !== undefined),
    );
  }

  /** The next node on the way: of those that lead there, the one with most behind it, as what is further on has less. */
  #nextOn(path: readonly string[], { via = [] }: Announcement, nodeId: string): Announcement | undefined {
    let best: Announcement | undefined;
    for (const candidate of this.#announced.values()) {
      const node = nodeOf(candidate);
      if (node === nodeId || path.includes(node) || !via.includes(node)) continue;
      if (!candidate.via?.includes(nodeId)) continue;
      if (!best || candidate.via.length > (best.via?.length ?? 0)) best = candidate;
    }
    return best;
  }
}

function nodeOf({ id, via }: Announcement): string {
  return via?.[0] ?? id;
}
