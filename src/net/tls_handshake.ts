import { setImmediate } from "node:timers";
import type { TLSSocket } from "node:tls";
import type { Timer } from "../async/mod.ts";
import { NetError } from "./error.ts";
import { handleClosed, handleOpened } from "./handles.ts";
import type { StreamConnection } from "./stream_connection.ts";
import { toError } from "./thrown.ts";
import type { Carrier } from "./tls_carrier.ts";

/** The longest that a handshake may take unless told otherwise, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** One handshake. */
export interface Handshake {
  readonly carrier: Carrier;
  /** Begins it. */
  readonly start: () => TLSSocket;
  /** The event that says it is done. */
  readonly ready: "secure" | "secureConnect";
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** What came of it. */
export interface Secured {
  readonly socket: TLSSocket;
  readonly connection: StreamConnection;
}

/**
 * Runs one handshake under its deadline and signal; it counts as an open handle until it is over.
 *
 * @throws {NetError} `tls`, `timeout`; the signal's reason. The carrier is closed then.
 */
export function shakeHands(handshake: Handshake): Promise<Secured> {
  const { carrier, signal } = handshake;
  handleOpened();
  if (!signal?.aborted) return new Attempt(handshake).done;
  carrier.whenOver(handleClosed);
  carrier.reset();
  return Promise.reject(signal.reason);
}

class Attempt {
  readonly done: Promise<Secured>;
  readonly #handshake: Handshake;
  readonly #settle: PromiseWithResolvers<Secured> = Promise.withResolvers();
  readonly #timer: Timer;
  #phase: "running" | "failed" | "done" = "running";

  constructor(handshake: Handshake) {
    const { carrier, timeoutMs, signal } = handshake;
    this.#handshake = handshake;
    this.done = this.#settle.promise;
    carrier.whenOver(() => this.#over());
    this.#timer = carrier.context.clock.after(timeoutMs, () =>
      this.#giveUp(new NetError("timeout", `Cannot ${carrier.action}: no handshake in ${timeoutMs} ms`)),
    );
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    try {
      this.#begin();
    } catch (thrown) {
      this.#fail(toError(thrown));
    }
  }

  readonly #onAbort = (): void => this.#giveUp(this.#handshake.signal?.reason);

  readonly #onLeft = (): void => this.#fail(new Error("the other side left in the handshake"));

  #begin(): void {
    const { start, ready } = this.#handshake;
    const socket = start();
    socket.once(ready, () => this.#succeed(socket));
    // Without a `tls.Server` errors come under the second name.
    for (const event of ["error", "_tlsError"]) socket.on(event, (cause: Error) => this.#fail(cause));
    for (const event of ["end", "close"]) socket.once(event, this.#onLeft);
  }

  #succeed(socket: TLSSocket): void {
    if (!this.#finish("done")) return;
    handleClosed();
    // At once: what follows in this turn has to find its listeners.
    this.#settle.resolve({ socket, connection: this.#handshake.carrier.secured(socket) });
  }

  /** What comes late, after success too, has another listener or was said already. */
  #fail(cause: Error): void {
    if (!this.#finish("failed")) return;
    const { carrier } = this.#handshake;
    this.#settle.reject(new NetError("tls", `Cannot ${carrier.action}: ${cause.message.trim()}`, { cause }));
    // In a later turn, so that the other side is told what was wrong.
    setImmediate(() => carrier.reset());
  }

  #giveUp(reason: unknown): void {
    if (!this.#finish("failed")) return;
    this.#settle.reject(reason);
    this.#handshake.carrier.reset();
  }

  #over(): void {
    this.#onLeft();
    if (this.#phase === "failed") handleClosed();
  }

  #finish(phase: "failed" | "done"): boolean {
    if (this.#phase !== "running") return false;
    this.#phase = phase;
    this.#timer.cancel();
    this.#handshake.signal?.removeEventListener("abort", this.#onAbort);
    return true;
  }
}
