import type { Logger } from "@logtape/logtape";
import type { Outcome } from "../admin/mod.ts";
import {
  type AppliedChanges,
  type Balancer,
  BalancerClosedError,
  type BalancerConfiguration,
  ConfigurationError,
  difference,
  type OtherKey,
} from "../balancer/mod.ts";
import { NetError } from "../net/mod.ts";
import { RedisError } from "../redis/mod.ts";
import { UsageError } from "./errors.ts";
import { wordsOf } from "./log.ts";
import type { Registries } from "./registries.ts";

/** What may be wrong with a configuration, or with the world, without being a fault of ours. */
const EXPECTED = [UsageError, ConfigurationError, NetError, RedisError, BalancerClosedError] as const;

/** The keys that are only looked at when a balancer starts. */
const AT_START: readonly OtherKey[] = ["admin", "nodeId", "workers", "state", "log"];

/** What is to be read again, and for whom. */
export interface ReloadingParts {
  /** @throws {UsageError} */
  readonly read: () => BalancerConfiguration;
  readonly balancer: Balancer;
  readonly registries: Registries;
  readonly log: Logger;
  /** Throws what is to be said of a configuration that the balancer refuses. */
  readonly onRefused: (configuration: BalancerConfiguration, error: unknown) => never;
  /** What is to happen once the balancer works by another one, such as telling its workers. */
  readonly onApplied?: ((configuration: BalancerConfiguration) => Promise<void>) | undefined;
}

/** Reads the configuration of a running balancer again, and applies what is different. One reading at a time. */
export class Reloading {
  readonly #parts: ReloadingParts;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<Outcome> | undefined;

  constructor(parts: ReloadingParts) {
    this.#parts = parts;
  }

  /** Does it some time soon; the log tells what came of it. */
  ask(): void {
    this.run().catch((error: unknown) =>
      this.#parts.log.error("internal error while the configuration was read again: {words}", {
        words: wordsOf(error),
      }),
    );
  }

  /** Does it. Resolves with what has changed, or with why nothing has. Never rejects for what is in the file. */
  run(): Promise<Outcome> {
    // One that has not begun yet does for all who ask meanwhile.
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#reload();
    });
    const outcome = this.#next;
    this.#running = outcome.catch(() => undefined);
    return outcome;
  }

  async #reload(): Promise<Outcome> {
    const { read, balancer, registries, log, onApplied, onRefused } = this.#parts;
    try {
      const before = balancer.settings?.configuration;
      const configuration = read();
      const changes = await balancer
        .apply(configuration)
        .catch((error: unknown) => onRefused(configuration, error));
      await onApplied?.(configuration);
      await registries.keep(configuration.redis);
      const others = before ? difference(before, configuration).others : [];
      for (const key of others.filter((one) => AT_START.includes(one)))
        log.warn("configuration: {key} has changed, which counts from the next start on", { key });
      for (const line of describe(changes)) log.info("configuration: {line}", { line });
      return { ok: true, value: changes };
    } catch (error) {
      if (!EXPECTED.some((kind) => error instanceof kind)) throw error;
      const words = wordsOf(error);
      log.error("the configuration is not used, nothing has changed: {words}", { words });
      return { ok: false, status: 422, error: words };
    }
  }
}

function describe(changes: AppliedChanges): string[] {
  const lines = Object.entries(changes).flatMap(([what, { added, removed, changed }]) => [
    ...added.map((name: string) => `${what}: ${name} is new`),
    ...removed.map((name: string) => `${what}: ${name} is gone`),
    ...changed.map((name: string) => `${what}: ${name} has changed`),
  ]);
  return lines.length > 0 ? lines : ["nothing has changed"];
}
