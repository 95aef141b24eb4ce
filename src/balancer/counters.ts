import { END_REASONS, type EndReason, REFUSAL_REASONS, type RefusalReason } from "./end_reason.ts";
import { type HeartbeatHistory, NO_HISTORY } from "./heartbeat/history.ts";
import { Histogram } from "./histogram.ts";

/** Bounds for what takes milliseconds, in seconds: 0.5 ms to 10 s. */
const SHORT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Bounds for how long connections live, in seconds: 10 ms to a day. */
const LONG_SECONDS = [0.01, 0.1, 1, 10, 60, 300, 900, 3600, 14_400, 43_200, 86_400];

/** The most characters of {@linkcode fewWords}. */
const MAX_WORDS = 200;

/**
 * What is counted of one backend since it was added. Plain numbers, which whoever shows them reads.
 *
 * @example What a client has cost its backend
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPool, registerChat, startSpliceFrontend, systemDriver, tcpDial } from "chorus";
 *
 * const driver = systemDriver();
 * using pool = createPool({ name: "chat", policy: "least-connections" });
 * const { counters } = pool.add({ address: { host: "127.0.0.1", port: 7000 } });
 * const over = Promise.withResolvers<string>();
 * const handler = { ended: (_: unknown, reason: string) => over.resolve(reason) };
 * await using frontend = await startSpliceFrontend({ driver, pool, listen: { host: "127.0.0.1", port: 0 }, handler });
 * await registerChat({ dial: tcpDial(driver, [frontend.address]), name: "ada", password: "secret" });
 * assert.equal(await over.promise, "finished");
 * assert(counters.ended.finished === 1 && counters.bytesIn > 0 && counters.bytesOut > 0);
 * ```
 */
export class BackendCounters {
  /** Bytes from clients to it, of connections that are over; those that live are added by whoever lists them. */
  bytesIn = 0;
  /** Bytes from it to clients, of the same. */
  bytesOut = 0;
  /** Clients that could not be connected to it. */
  connectFailures = 0;
  /** Heartbeats that were sent. */
  probes = 0;
  /** Heartbeats that it did not answer in time. */
  misses = 0;
  /** @internal How its last probes ended. */
  heartbeats: HeartbeatHistory = NO_HISTORY;
  /** How often its state changed. */
  stateChanges = 0;
  /** Why it was last not reached, in few words; undefined when it has answered a heartbeat since. */
  lastError: string | undefined;
  /** Connections that are over, by reason. */
  readonly ended: Record<EndReason, number> = zeros(END_REASONS);
  /** @internal How long it took to connect clients to it, in seconds. */
  readonly connectSeconds: Histogram = new Histogram(SHORT_SECONDS);
  /** @internal How long connections lived, in seconds. */
  readonly sessionSeconds: Histogram = new Histogram(LONG_SECONDS);
  /** @internal How long it took to answer probes, in seconds. */
  readonly heartbeatSeconds: Histogram = new Histogram(SHORT_SECONDS);
}

/**
 * What is counted of one frontend since it was started.
 *
 * @example A client for whom there is no backend
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPool, memoryDriver, startSpliceFrontend } from "chorus";
 *
 * const driver = memoryDriver();
 * using pool = createPool({ name: "games", policy: "round-robin" });
 * await using frontend = await startSpliceFrontend({ driver, pool, listen: { host: "games", port: 6000 } });
 * const over = Promise.withResolvers<string>();
 * await driver.connect(frontend.address, { data: () => undefined, close: (_, reason) => over.resolve(reason) });
 * assert.equal(await over.promise, "reset");
 * const { total, refused, refusedTotal } = frontend.counters;
 * assert.deepEqual([total, refused.no_backend, refusedTotal], [1, 1, 1]);
 * ```
 */
export class FrontendCounters {
  /** Clients accepted. */
  total = 0;
  /** Clients that were not served, by reason. */
  readonly refused: Record<RefusalReason, number> = zeros(REFUSAL_REASONS);

  /** Clients that were not served. */
  get refusedTotal(): number {
    return Object.values(this.refused).reduce((sum, count) => sum + count, 0);
  }
}

/** Few words for why something failed. */
export function fewWords(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  return words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS)}…` : words;
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  // Every name is given a number, which the type of fromEntries cannot know.
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
