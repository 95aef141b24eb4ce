import type { Clock, Timer } from "../async/mod.ts";
import {
  type Address,
  CLOSE_TIMEOUT_MS,
  type CloseReason,
  type Connection,
  type ConnectionHandler,
} from "./contract.ts";
import { NetError } from "./error.ts";
import { handleClosed, handleOpened } from "./handles.ts";
import { throwLater, toError } from "./thrown.ts";

/**
 * What a driver does with one open socket; {@linkcode StreamConnection} makes a connection of it.
 *
 * None of these calls an event of {@linkcode TransportEvents} before it returns.
 */
export interface Transport {
  readonly remote: Address;
  readonly local: Address;
  /** Bytes that the system has not taken yet. */
  readonly queuedBytes: number;
  /** Whether everything written and our end are with the system. */
  readonly isFlushed: boolean;
  /** Takes all of the chunk. False when some of it waits: `drained` follows. Not called after `end`. */
  write(chunk: Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Flushes, then tells the other side that no more follows. Called once at most. */
  end(): void;
  /** Closes in order where nothing waits; `over` follows. */
  destroy(): void;
  /** Closes with a reset where the driver can send one; `over` follows. */
  reset(): void;
  /**
   * From now on what is read goes to `other` and nowhere else, by its `write`, before `received` returns: it is not given away, but lent
   * until `other` has sent it. Absent where that gains nothing.
   */
  lendTo?(other: Transport | undefined): void;
}

/** A transport that can be taken from its connection. */
export interface MovableTransport extends Transport {
  /** From now on tells somebody else what happens. */
  attach(events: TransportEvents): void;
}

/** What a transport tells its connection. */
export interface TransportEvents {
  /** Bytes came. The chunk is given away, unless it is lent ({@linkcode Transport.lendTo}). Not while paused. */
  received(chunk: Uint8Array): void;
  /** Everything that was written is with the system. */
  drained(): void;
  /** The other side will send no more. Not while paused. */
  ended(): void;
  /** The socket is closed: both sides have ended, it was destroyed, or it failed with `error`. Once, nothing follows. */
  over(error?: NetError): void;
}

/** What the connections of one listener or driver share. */
export interface ConnectionContext {
  readonly clock: Clock;
  /** Told of what a handler threw. Absent for dialed connections: their handler's `close` is told. */
  readonly onHandlerError?: (error: Error) => void;
  /** Told when a connection is over, after its handler. */
  readonly onOver?: (connection: Connection) => void;
}

/** What a connection was made of; whoever has it owns the socket. */
export interface Released {
  readonly transport: Transport;
  readonly context: ConnectionContext;
}

/**
 * Where a connection is.
 *
 * `we_ended` and `peer_ended`: one side will send no more; `both_ended`: the transport is about to be over. `closing`: after
 * `close()`, input is dropped. `aborting`: after `abort()` or a handler that threw.
 */
type Phase = "open" | "we_ended" | "peer_ended" | "both_ended" | "closing" | "aborting" | "over";

interface Outcome {
  readonly reason: CloseReason;
  readonly error: Error | undefined;
}

const UNHANDLED: ConnectionHandler = { data: () => undefined, close: () => undefined };

/**
 * The contract of {@linkcode Connection} over a transport: phases, counters, deadlines and what a handler may do wrong are the
 * same on every driver because they are here.
 */
export class StreamConnection implements Connection, TransportEvents {
  readonly #transport: Transport;
  readonly #context: ConnectionContext;
  #handler: ConnectionHandler = UNHANDLED;
  #phase: Phase = "open";
  #isEndReported = false;
  #bytesRead = 0;
  #bytesWritten = 0;
  /** What a handler threw, or that the peer took nothing. */
  #failure: Error | undefined;
  #outcome: Outcome | undefined;
  #closeTimer: Timer | undefined;

  constructor(transport: Transport, context: ConnectionContext) {
    this.#transport = transport;
    this.#context = context;
    handleOpened();
  }

  get remote(): Address {
    return this.#transport.remote;
  }

  get local(): Address {
    return this.#transport.local;
  }

  get queuedBytes(): number {
    return this.#phase === "over" ? 0 : this.#transport.queuedBytes;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  handle(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#transport.lendTo?.(undefined);
    const outcome = this.#outcome;
    if (this.#isEndReported || outcome) queueMicrotask(() => this.#repeat(handler, outcome));
  }

  write(chunk: Uint8Array): boolean {
    if (this.#phase !== "open" && this.#phase !== "peer_ended") return false;
    this.#bytesWritten += chunk.length;
    return this.#transport.write(chunk);
  }

  pause(): void {
    if (this.#isAlive()) this.#transport.pause();
  }

  resume(): void {
    if (this.#isAlive()) this.#transport.resume();
  }

  end(): void {
    if (this.#phase === "open") this.#phase = "we_ended";
    else if (this.#phase === "peer_ended") this.#phase = "both_ended";
    else return;
    this.#transport.end();
  }

  close(): void {
    if (!this.#isAlive()) return;
    const hasEnded = this.#phase === "we_ended" || this.#phase === "both_ended";
    this.#phase = "closing";
    if (!hasEnded) this.#transport.end();
    // Nothing waits for the other side any more: what comes is dropped.
    this.#transport.lendTo?.(undefined);
    this.#transport.resume();
    this.#awaitClose(this.#transport.queuedBytes);
  }

  abort(): void {
    if (this.#phase === "aborting" || this.#phase === "over") return;
    this.#phase = "aborting";
    this.#transport.reset();
  }

  /**
   * Gives the transport away: this connection is over and its handler hears nothing more.
   *
   * @returns Undefined when a side has ended or the connection is closing or over: it then stays as it is.
   */
  release(): Released | undefined {
    if (this.#phase !== "open") return undefined;
    this.#phase = "over";
    this.#transport.lendTo?.(undefined);
    handleClosed();
    this.#context.onOver?.(this);
    return { transport: this.#transport, context: this.#context };
  }

  /** Says that its handler, until there is another one, writes every chunk to `other` at once and keeps none. */
  lendTo(other: StreamConnection): void {
    this.#transport.lendTo?.(other.#transport);
  }

  received(chunk: Uint8Array): void {
    if (!this.#isAlive()) return;
    this.#bytesRead += chunk.length;
    try {
      this.#handler.data(this, chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  drained(): void {
    if (this.#phase !== "open" && this.#phase !== "peer_ended") return;
    try {
      this.#handler.drain?.(this);
    } catch (error) {
      this.#fail(error);
    }
  }

  ended(): void {
    if (this.#phase === "open") this.#phase = "peer_ended";
    else if (this.#phase === "we_ended") this.#phase = "both_ended";
    else return;
    this.#isEndReported = true;
    try {
      this.#handler.end?.(this);
    } catch (error) {
      this.#fail(error);
    }
  }

  over(error?: NetError): void {
    if (this.#phase === "over") return;
    // Bun closes without reporting the other side's end where ours came first.
    if (this.#phase === "we_ended" && !error) this.ended();
    const outcome = this.#judge(error);
    this.#phase = "over";
    this.#outcome = outcome;
    this.#closeTimer?.cancel();
    handleClosed();
    this.#reportClose(this.#handler, outcome);
    this.#context.onOver?.(this);
  }

  #isAlive(): boolean {
    return this.#phase !== "closing" && this.#phase !== "aborting" && this.#phase !== "over";
  }

  #judge(error: NetError | undefined): Outcome {
    if (this.#failure) return { reason: "failed", error: this.#failure };
    switch (this.#phase) {
      case "aborting":
        return { reason: "aborted", error: undefined };
      case "closing":
        if (!error || this.#transport.isFlushed) return { reason: "closed", error: undefined };
        break;
      case "both_ended":
        if (!error) return { reason: "finished", error: undefined };
        break;
      case "open":
      case "we_ended":
      case "peer_ended":
      case "over":
        break;
    }
    const cause = error ?? new NetError("reset", "Cannot go on: the connection was closed by the other side");
    return { reason: cause.code === "unknown" ? "failed" : "reset", error: cause };
  }

  #fail(thrown: unknown): void {
    const error = toError(thrown);
    this.#failure ??= error;
    this.abort();
    this.#context.onHandlerError?.(error);
  }

  #reportClose(handler: ConnectionHandler, outcome: Outcome): void {
    try {
      if (outcome.error) handler.close(this, outcome.reason, outcome.error);
      else handler.close(this, outcome.reason);
    } catch (thrown) {
      const error = toError(thrown);
      if (this.#context.onHandlerError) this.#context.onHandlerError(error);
      else throwLater(error);
    }
  }

  /** Tells a handler what happened before it was set, so that taking over a connection misses nothing. */
  #repeat(handler: ConnectionHandler, outcome: Outcome | undefined): void {
    // Over since then: it has been told in the ordinary way.
    if (this.#handler !== handler || this.#outcome !== outcome) return;
    try {
      if (this.#isEndReported) handler.end?.(this);
    } catch (error) {
      this.#fail(error);
    }
    if (outcome) this.#reportClose(handler, outcome);
  }

  #awaitClose(queuedBytes: number): void {
    this.#closeTimer = this.#context.clock.after(CLOSE_TIMEOUT_MS, () => {
      const left = this.#transport.queuedBytes;
      if (left < queuedBytes) return this.#awaitClose(left);
      if (this.#transport.isFlushed) return this.#transport.destroy();
      this.#failure = new NetError(
        "timeout",
        `Cannot close: the other side took nothing for ${CLOSE_TIMEOUT_MS} ms`,
      );
      this.#transport.reset();
    });
  }
}
