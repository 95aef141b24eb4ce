import { Buffer } from "node:buffer";
import type { Connection, Driver } from "../../net/mod.ts";
import { bufferOf, LineDecoder } from "../../wire/mod.ts";
import type { Backend } from "../pool/backend.ts";
import type { Probe, ProbeAnswer, ProbeOptions } from "./contract.ts";

/** The longest line of an answer, in bytes. */
const MAX_LINE_BYTES = 65_536;
const PING = Buffer.from('{"type":"ping"}\n');

/**
 * A probe that sends `ping` to a chat server over a connection that it keeps, and waits for `pong`.
 *
 * A connection that is lost, or on which no answer comes, is made anew at the next probe. The one of a backend is closed when the signal of its probes is
 * aborted.
 *
 * @example A pool that asks its chat servers how they are
 * ```ts
 * import assert from "node:assert/strict";
 * import { chatProbe, createPool, monitor, systemDriver } from "chorus";
 *
 * using pool = createPool({ name: "chat", policy: "least-connections" });
 * const backend = pool.add({ address: { host: "127.0.0.1", port: 7000 } });
 * const up = Promise.withResolvers<void>();
 * await using _ = monitor({ pool, probe: chatProbe(systemDriver()), onChange: () => up.resolve() });
 * await up.promise;
 * assert.equal(backend.state(), "up");
 * assert.equal(backend.reported?.isDraining, false);
 * ```
 */
export function chatProbe(driver: Driver): Probe {
  const kept = new WeakMap<Backend, KeptConnection>();
  return async (backend, options) => {
    let connection = kept.get(backend);
    if (!connection?.isOpen) {
      connection = await KeptConnection.open(driver, backend, options);
      kept.set(backend, connection);
    }
    return await connection.ping(2 * options.timeoutMs);
  };
}

class KeptConnection {
  /** Who waits for the next `pong`. The monitor has one probe under way at a time. */
  #waiting: PromiseWithResolvers<ProbeAnswer> | undefined;
  #connection: Connection | undefined;

  static async open(
    driver: Driver,
    backend: Backend,
    { signal, timeoutMs }: ProbeOptions,
  ): Promise<KeptConnection> {
    const kept = new KeptConnection();
    const decoder = new LineDecoder(MAX_LINE_BYTES, {
      line: (line) => kept.#receive(bufferOf(line).toString()),
      tooLong: () => kept.#fail(new Error("the answer is too long")),
    });
    const close = (): void => kept.#fail(signal.reason);
    kept.#connection = await driver.connect(
      backend.address,
      {
        data: (_, chunk) => decoder.push(chunk),
        end: () => kept.#fail(new Error("the backend has closed the connection")),
        close(_, reason, error) {
          signal.removeEventListener("abort", close);
          kept.#fail(error ?? new Error(`the connection was ${reason}`));
        },
      },
      { signal, timeoutMs: 2 * timeoutMs },
    );
    signal.addEventListener("abort", close, { once: true });
    return kept;
  }

  get isOpen(): boolean {
    return this.#connection !== undefined;
  }

  /** Rejects, and gives the connection up, when there is no answer within `patienceMs`: the other end may be gone without a word. */
  async ping(patienceMs: number): Promise<ProbeAnswer> {
    const waiting = Promise.withResolvers<ProbeAnswer>();
    this.#waiting = waiting;
    const over = AbortSignal.timeout(patienceMs);
    const onOver = (): void => this.#fail(over.reason);
    over.addEventListener("abort", onOver, { once: true });
    try {
      this.#connection?.write(PING);
      return await waiting.promise;
    } finally {
      over.removeEventListener("abort", onOver);
    }
  }

  #receive(line: string): boolean {
    const answer = toAnswer(line);
    if (answer) this.#waiting?.resolve(answer);
    return true;
  }

  #fail(reason: unknown): void {
    this.#waiting?.reject(reason);
    this.#connection?.close();
    this.#connection = undefined;
  }
}

/** What a `pong` says; undefined for any other frame. */
function toAnswer(line: string): ProbeAnswer | undefined {
  try {
    const { type, connections, capacity, draining } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (type !== "pong") return undefined;
    return {
      ...(typeof connections === "number" && { connections }),
      ...(typeof capacity === "number" && { capacity }),
      ...(typeof draining === "boolean" && { isDraining: draining }),
    };
  } catch {
    return undefined;
  }
}
