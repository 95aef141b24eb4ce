import { setImmediate } from "node:timers";
import { type Address, type MovableTransport, NetError, type TransportEvents } from "../../net/mod.ts";
import type { Lane, LaneEvents, Word } from "./lane.ts";
import { Outgoing } from "./outgoing.ts";

/** How a relay is: `ending` is to be reported over in a later turn. */
type State = "open" | { readonly ending: NetError | undefined } | "over";

/**
 * One end of a connection whose bytes go through a lane; the other end is another one of it. What is not read is held within the
 * window, and the writer is told to stop.
 */
export class Relay implements MovableTransport, LaneEvents {
  readonly remote: Address;
  readonly local: Address;
  readonly #lane: Lane;
  readonly #outgoing: Outgoing;
  readonly #incoming: Uint8Array[] = [];
  #events: TransportEvents | undefined;
  #takenBytes = 0;
  /** How many bytes the other end sends in all, once it has said so; words and bytes may overtake each other. */
  #theirBytes: number | undefined;
  #isTheirEndReported = false;
  #isDrainOwed = false;
  #isPaused = false;
  #state: State = "open";

  constructor(lane: Lane, ends: { readonly remote: Address; readonly local: Address }) {
    this.#lane = lane;
    this.#outgoing = new Outgoing(lane);
    this.remote = ends.remote;
    this.local = ends.local;
  }

  attach(events: TransportEvents): void {
    this.#events = events;
    this.#lane.listen(this);
  }

  get queuedBytes(): number {
    return this.#outgoing.bytes;
  }

  get isFlushed(): boolean {
    return this.#outgoing.isDone;
  }

  write(chunk: Uint8Array): boolean {
    this.#outgoing.push(chunk);
    this.#isDrainOwed = this.#outgoing.waitingBytes > 0;
    return !this.#isDrainOwed;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    setImmediate(() => this.#turn());
  }

  end(): void {
    this.#outgoing.end();
    setImmediate(() => this.#turn());
  }

  destroy(): void {
    this.reset();
  }

  reset(): void {
    if (this.#state !== "open") return;
    this.#lane.tell({ reset: true });
    this.#finish(undefined);
  }

  bytes(chunk: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#incoming.push(chunk);
    this.#turn();
  }

  word(word: Word): void {
    if ("reset" in word) this.#finish(new NetError("reset", "Cannot go on: reset"));
    else if ("ended" in word) this.#theirBytes = word.ended;
    else this.#wereTaken(word.taken);
    this.#turn();
  }

  broken(): void {
    this.#finish(new NetError("reset", "Cannot go on: what was at the other end is gone"));
  }

  #finish(error: NetError | undefined): void {
    if (this.#state !== "open") return;
    this.#state = { ending: error };
    this.#outgoing.clear();
    setImmediate(() => this.#turn());
  }

  #wereTaken(bytes: number): void {
    if (this.#state !== "open") return;
    this.#outgoing.taken(bytes);
    if (!this.#isDrainOwed || this.#outgoing.waitingBytes > 0) return;
    this.#isDrainOwed = false;
    this.#events?.drained();
  }

  /** Reports what there is to report. Never within a method of the transport. */
  #turn(): void {
    if (this.#state === "open") this.#deliver();
    if (this.#state === "open" && this.#isTheirEndReported && this.#outgoing.isDone)
      this.#state = { ending: undefined };
    if (typeof this.#state === "string") return;
    const { ending } = this.#state;
    this.#state = "over";
    this.#incoming.length = 0;
    this.#events?.over(ending);
  }

  #deliver(): void {
    while (this.#state === "open" && !this.#isPaused) {
      const chunk = this.#incoming.shift();
      if (!chunk) break;
      this.#takenBytes += chunk.length;
      this.#lane.tell({ taken: chunk.length });
      this.#events?.received(chunk);
    }
    const isAll = this.#takenBytes === this.#theirBytes && !this.#isTheirEndReported;
    if (this.#state !== "open" || this.#isPaused || !isAll) return;
    this.#isTheirEndReported = true;
    this.#events?.ended();
  }
}
