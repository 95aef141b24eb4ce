import type { BackendView, PoolView } from "../admin/mod.ts";

/** So many looks are remembered of each backend. */
export const LOOKS = 10;

/** A gap between two looks that is longer says nothing of how fast bytes go now, in milliseconds. */
const MAX_GAP_MS = 10_000;

interface Seen {
  readonly connections: number[];
  readonly bytesPerSecond: number[];
  readonly bytes: number | undefined;
  readonly at: number;
}

/**
 * What backends have done at the last {@linkcode LOOKS} looks.
 *
 * Remembers those that were there at the last look, and no others.
 */
export class StatusHistory {
  #seen = new Map<string, Seen>();

  /** Takes what was just seen. @param nowMs Milliseconds, never going backwards. */
  look(pools: readonly PoolView[], nowMs: number): void {
    const before = this.#seen;
    this.#seen = new Map();
    for (const pool of pools)
      for (const backend of pool.backends) {
        const key = keyOf(pool.name, backend.name);
        this.#seen.set(key, following(before.get(key), backend, nowMs));
      }
  }

  /** The connections at the last looks, the oldest first. */
  connectionsOf(pool: string, backend: string): readonly number[] {
    return this.#seen.get(keyOf(pool, backend))?.connections ?? [];
  }

  /** The bytes a second, both ways together, between the last looks; empty where none are counted. */
  bytesPerSecondOf(pool: string, backend: string): readonly number[] {
    return this.#seen.get(keyOf(pool, backend))?.bytesPerSecond ?? [];
  }
}

function following(before: Seen | undefined, backend: BackendView, at: number): Seen {
  const { connections, bytesIn, bytesOut } = backend;
  const bytes = bytesIn === undefined ? undefined : bytesIn + (bytesOut ?? 0);
  const rate = rateOf(before, bytes, at);
  return {
    connections: lastOf([...(before?.connections ?? []), connections]),
    bytesPerSecond: lastOf([...(before?.bytesPerSecond ?? []), ...(rate === undefined ? [] : [rate])]),
    bytes,
    at,
  };
}

/** Undefined where nothing can be said. */
function rateOf(before: Seen | undefined, bytes: number | undefined, at: number): number | undefined {
  if (before?.bytes === undefined || bytes === undefined) return undefined;
  const ms = at - before.at;
  if (ms <= 0 || ms > MAX_GAP_MS) return undefined;
  // A balancer that was started anew counts anew.
  return (1000 * Math.max(0, bytes - before.bytes)) / ms;
}

function lastOf(values: readonly number[]): number[] {
  return values.slice(-LOOKS);
}

function keyOf(pool: string, backend: string): string {
  return `${pool}\n${backend}`;
}
