import { Buffer } from "node:buffer";
import { type Driver, formatAddress } from "../../net/mod.ts";
import type { Probe } from "./contract.ts";
import { converse, type Judgement } from "./conversation.ts";

/** Options for {@linkcode httpProbe}. */
export interface HttpProbeOptions {
  /** What is asked for. @default {"/"} */
  readonly path?: string;
  /** The host that is named in the request. @default {the backend's address} */
  readonly host?: string;
  /** The status codes that count as an answer. @default {200 to 399} */
  readonly statuses?: readonly number[];
}

/** The status line of RFC 9112, section 4. */
const STATUS_LINE = /^HTTP\/1\.[01] (?<status>\d{3})(?: |\r?\n)/;

/**
 * A probe that asks for a page by HTTP/1.1 and looks at the status of the answer.
 *
 * @example Whoever answers with 200 or 204 lives
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPool, httpProbe, monitor, systemDriver } from "chorus";
 *
 * using pool = createPool({ name: "web", policy: "round-robin" });
 * const backend = pool.add({ address: { host: "127.0.0.1", port: 7080 } });
 * const probe = httpProbe(systemDriver(), { path: "/health", statuses: [200, 204] });
 * const up = Promise.withResolvers<void>();
 * await using _ = monitor({ pool, probe, onChange: () => up.resolve() });
 * await up.promise;
 * assert.equal(backend.state(), "up");
 * ```
 */
export function httpProbe(driver: Driver, options: HttpProbeOptions = {}): Probe {
  const { path = "/", host, statuses } = options;
  const isRight = (status: number): boolean => statuses?.includes(status) ?? (status >= 200 && status < 400);

  function judge(answer: Buffer, isAll: boolean): Judgement {
    const text = answer.toString("latin1");
    const status = STATUS_LINE.exec(text)?.groups?.status;
    if (status !== undefined) {
      if (isRight(Number(status))) return { verdict: "right" };
      return { verdict: "wrong", reason: `the answer has status ${status}` };
    }
    if (!isAll && answer.length < 32 && "HTTP/1.".startsWith(text.slice(0, 7))) return { verdict: "more" };
    return { verdict: "wrong", reason: "the answer is not HTTP/1" };
  }
  return async (backend, probeOptions) => {
    const named = host ?? formatAddress(backend.address);
    const send = Buffer.from(
      `GET ${path} HTTP/1.1\r\nHost: ${named}\r\nUser-Agent: chorus\r\nConnection: close\r\n\r\n`,
    );
    await converse(driver, backend.address, { send, judge }, probeOptions);
    return {};
  };
}
