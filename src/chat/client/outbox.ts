/** What the answer to a send says. */
export interface Sent {
  /** The conversation that it is in. */
  readonly conversation: string;
  /** Its place there. */
  readonly seq: number;
  /** Wall time of the server in milliseconds. */
  readonly at: number;
  /** Whether the server had it already, from an earlier try. */
  readonly duplicate: boolean;
}

/** A message that was given to a client to be sent. */
export interface Posted {
  /** What the message is known by when it comes: its `id`, from this user. */
  readonly id: string;
  /** Settles as `ChatClient.send` does. */
  readonly sent: Promise<Sent>;
}

/** A send without its answer. */
export interface Unsent {
  readonly id: string;
  readonly to: string;
  readonly text: string;
  readonly settle: PromiseWithResolvers<Sent>;
  /** When it first went out; undefined while it has not. */
  firstMs: number | undefined;
  /** Whether it is on its way now. */
  isFlying: boolean;
}

/** Sends that leave now, all of one round. */
export interface Departure {
  readonly round: number;
  readonly sends: readonly Unsent[];
}

/** The sends to one receiver, in order. */
interface Queue {
  readonly sends: Unsent[];
  /** Of those that are on their way: when one of them is refused, what leaves after it is to be refused, too. */
  round: number;
  /** One of them has failed: those after it are not to overtake it, so nothing departs until `rested`. */
  isResting: boolean;
}

/** Sends to one receiver that are on their way at once; more wait for their turn. */
const WINDOW = 64;
/** Sends that may leave after one that has no answer yet: fewer than the ids of a device that the server remembers. */
const MAX_AHEAD = 900;

/**
 * The sends that wait for their answers, by receiver and in order.
 *
 * After a failure all that have no answer go again, in order and with the same ids: the server recognizes those it had. So that it still
 * remembers the id of the oldest, only so many leave after it, to whomever; the rest is held back.
 */
export class Outbox {
  readonly #queues = new Map<string, Queue>();
  /** The sends that have left and have no answer, in the order in which they first left, with the number of that. */
  readonly #open = new Map<Unsent, number>();
  /** The receivers whose sends are held back. */
  readonly #held = new Set<string>();
  #departures = 0;
  #size = 0;

  /** Sends without an answer. */
  get size(): number {
    return this.#size;
  }

  /** Every receiver something waits for. */
  get receivers(): string[] {
    return [...this.#queues.keys()];
  }

  /** Adds a send at the end. */
  add(send: Unsent): void {
    const queue = this.#queues.get(send.to) ?? { sends: [], round: 0, isResting: false };
    queue.sends.push(send);
    this.#queues.set(send.to, queue);
    this.#size += 1;
  }

  /**
   * The sends to a receiver whose turn has come; they are on their way from now on.
   *
   * @param round That of the client now. They leave with it unless others to the receiver are still on their way with an earlier one.
   */
  depart(to: string, round: number): Departure {
    const queue = this.#queues.get(to);
    if (!queue || queue.isResting) return { round, sends: [] };
    const departing: Unsent[] = [];
    const window = queue.sends.slice(0, WINDOW);
    if (window.every(({ isFlying }) => !isFlying)) queue.round = round;
    for (const send of window) {
      if (send.isFlying) continue;
      if (!this.#open.has(send) && !this.#hasRoom()) {
        // Those behind it are not to overtake it.
        this.#held.add(to);
        break;
      }
      if (!this.#open.has(send)) this.#open.set(send, ++this.#departures);
      send.isFlying = true;
      departing.push(send);
    }
    return { round: queue.round, sends: departing };
  }

  /** A receiver whose sends were held back and may depart now; undefined when there is none. */
  takeHeld(): string | undefined {
    if (this.#held.size === 0 || !this.#hasRoom()) return undefined;
    const [to] = this.#held;
    if (to !== undefined) this.#held.delete(to);
    return to;
  }

  /** Takes out a send that was answered. */
  remove(send: Unsent): void {
    const queue = this.#queues.get(send.to);
    const index = queue?.sends.indexOf(send) ?? -1;
    if (!queue || index < 0) return;
    queue.sends.splice(index, 1);
    this.#open.delete(send);
    send.isFlying = false;
    this.#size -= 1;
    if (queue.sends.length === 0) this.#queues.delete(send.to);
  }

  /** A send was not stored: it will go again, before those after it. */
  failed(send: Unsent): void {
    send.isFlying = false;
    const queue = this.#queues.get(send.to);
    if (queue) queue.isResting = true;
  }

  /** Whether sends to a receiver failed and none of them is on its way any more: the time to count the rest. */
  isGrounded(to: string): boolean {
    const queue = this.#queues.get(to);
    return queue?.isResting === true && queue.sends.every((send) => !send.isFlying);
  }

  /** Lets the sends to a receiver depart again. */
  rested(to: string): void {
    const queue = this.#queues.get(to);
    if (queue) queue.isResting = false;
  }

  /** The connection is gone: nothing is on its way, and everything may depart on the next one. */
  ground(): void {
    this.#held.clear();
    for (const queue of this.#queues.values()) {
      queue.isResting = false;
      for (const send of queue.sends) send.isFlying = false;
    }
  }

  /** Takes out everything. */
  clear(): readonly Unsent[] {
    const sends = [...this.#queues.values()].flatMap((queue) => queue.sends);
    this.#queues.clear();
    this.#open.clear();
    this.#held.clear();
    this.#size = 0;
    return sends;
  }

  #hasRoom(): boolean {
    const [oldest] = this.#open.values();
    return oldest === undefined || this.#departures - oldest < MAX_AHEAD;
  }
}
