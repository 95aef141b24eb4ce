import type { Logger } from "@logtape/logtape";
import type { Outcome } from "../admin/mod.ts";
import { type AppliedChanges, type Balancer, ConfigurationError } from "../balancer/mod.ts";
import { NetError } from "../net/mod.ts";
import { readConfiguration } from "./balance_configuration.ts";
import type { BalanceRequest } from "./balance_flags.ts";
import { UsageError } from "./errors.ts";
import { wordsOf } from "./log.ts";

/** Reads the configuration of a running balancer again, and applies what is different. One reading at a time. */
export class Reloading {
  readonly #request: BalanceRequest;
  readonly #balancer: Balancer;
  readonly #log: Logger;
  #running: Promise<unknown> = Promise.resolve();

  constructor(request: BalanceRequest, balancer: Balancer, log: Logger) {
    this.#request = request;
    this.#balancer = balancer;
    this.#log = log;
  }

  /** Does it some time soon; the log tells what came of it. */
  ask(): void {
    // It reports its own failures.
    void this.run();
  }

  /** Does it. Resolves with what has changed, or with why nothing has. Never rejects for what is in the file. */
  run(): Promise<Outcome> {
    const outcome = this.#running.then(() => this.#reload());
    this.#running = outcome.catch(() => undefined);
    return outcome;
  }

  async #reload(): Promise<Outcome> {
    try {
      const changes = await this.#balancer.apply(readConfiguration(this.#request));
      for (const line of describe(changes)) this.#log.info("configuration: {line}", { line });
      return { ok: true, value: changes };
    } catch (error) {
      const isExpected =
        error instanceof UsageError || error instanceof ConfigurationError || error instanceof NetError;
      if (!isExpected) throw error;
      const words = wordsOf(error);
      this.#log.error("the configuration is not used, nothing has changed: {words}", { words });
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
