import { Buffer } from "node:buffer";
import type { Driver } from "../../net/mod.ts";
import type { Probe } from "./contract.ts";
import { converse } from "./conversation.ts";

/** Options for {@linkcode sendExpectProbe}. */
export interface SendExpectOptions {
  /** What is sent, such as `PING\r\n`. @default {nothing} */
  readonly send?: string;
  /** What the answer must hold, such as `+PONG`. */
  readonly expect: string;
}

/**
 * A probe that sends a text and waits until the answer holds another one.
 *
 * @example A Redis that answers lives
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPool, monitor, sendExpectProbe, systemDriver } from "chorus";
 *
 * using pool = createPool({ name: "redis", policy: "round-robin" });
 * const backend = pool.add({ address: { host: "127.0.0.1", port: 6379 } });
 * const probe = sendExpectProbe(systemDriver(), { send: "PING\r\n", expect: "+PONG" });
 * const up = Promise.withResolvers<void>();
 * await using _ = monitor({ pool, probe, onChange: () => up.resolve() });
 * await up.promise;
 * assert.equal(backend.state(), "up");
 * ```
 */
export function sendExpectProbe(driver: Driver, options: SendExpectOptions): Probe {
  const send = Buffer.from(options.send ?? "");
  const expected = Buffer.from(options.expect);
  return async (backend, probeOptions) => {
    const judge = (answer: Buffer) =>
      answer.includes(expected) ? ({ verdict: "right" } as const) : ({ verdict: "more" } as const);
    await converse(driver, backend.address, { send, judge }, probeOptions);
    return {};
  };
}
