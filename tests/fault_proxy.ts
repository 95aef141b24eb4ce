/**
 * A TCP proxy that misbehaves on command, to put between a client and a server, or between a server and its Redis.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { systemClock, type Timer } from "../src/async/mod.ts";
import { type Address, type Connection, systemDriver } from "../src/net/mod.ts";

/** Which bytes a fault is about. */
export type Way = "to_server" | "to_client" | "both";

/** Options for {@linkcode faultProxy}. */
export interface FaultProxyOptions {
  /** What a client says on the connections that `only: "marked"` is about, in lower case, such as `subscribe`. @default {none is marked} */
  readonly mark?: string;
}

/** Which connections a fault is about: all, those to come included, or those of now that are marked. */
export interface FaultScope {
  readonly only?: "marked";
}

/** A running proxy. */
export interface FaultProxy extends AsyncDisposable {
  readonly address: Address;
  /** Connections now. */
  readonly connections: number;
  /** Connections now on which the client has said the mark. */
  readonly marked: number;
  /** Where the next connections go. */
  target: Address;
  /** From now on what servers answer is dropped, until the next `cut`. */
  swallowAnswers(): void;
  /** Holds back what goes that way, the end included, and reads no more of it, until `flow`. */
  stall(way?: Way, scope?: FaultScope): void;
  /** Brings every chunk so many milliseconds later, either way and in order, until `flow`. */
  delay(ms: number): void;
  /** Ends stalls and delays: what was held back goes on, in order. */
  flow(): void;
  /** Lets each connection, now and to come, bring so many bytes more to its client, and then breaks it; until the next `cut`. */
  cutAfter(bytes: number): void;
  /** Breaks every connection on one side; the other side is not told, and what it says goes nowhere. */
  halfOpen(alive: "client" | "server"): void;
  /** Resets every connection, on both sides. */
  cut(): void;
}

/** What is wrong with connections that are yet to come. */
interface Faults {
  isSwallowing: boolean;
  stalled: ReadonlySet<Way>;
  delayMs: number;
  budget: number;
}

/** Starts a proxy before `target`. */
export async function faultProxy(target: Address, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const relays = new Set<Relay>();
  const faults: Faults = { isSwallowing: false, stalled: new Set(), delayMs: 0, budget: Infinity };
  const listener = await systemDriver().listen({ host: "127.0.0.1", port: 0 }, (client) => {
    queueMicrotask(() => void serveClient(client, proxy.target, options.mark, faults, relays));
    return { data: () => undefined, close: () => undefined };
  });
  const proxy: FaultProxy = {
    address: listener.address,
    target,
    get connections() {
      return relays.size;
    },
    get marked() {
      return [...relays].filter(({ isMarked }) => isMarked).length;
    },
    swallowAnswers() {
      faults.isSwallowing = true;
      for (const { toClient } of relays) toClient.isSwallowing = true;
    },
    stall(way = "both", { only } = {}) {
      if (only === undefined) faults.stalled = new Set([...faults.stalled, way]);
      for (const relay of relays) if (only === undefined || relay.isMarked) relay.stall(way);
    },
    delay(ms) {
      faults.delayMs = ms;
      for (const { toServer, toClient } of relays) toServer.delayMs = toClient.delayMs = ms;
    },
    flow() {
      faults.stalled = new Set();
      faults.delayMs = 0;
      for (const { toServer, toClient } of relays) for (const lane of [toServer, toClient]) lane.flow();
    },
    cutAfter(bytes) {
      faults.budget = bytes;
      for (const { toClient } of relays) toClient.budget = bytes;
    },
    halfOpen(alive) {
      for (const relay of relays) relay.halfOpen(alive);
    },
    cut() {
      faults.isSwallowing = false;
      faults.budget = Infinity;
      for (const relay of relays) relay.abort();
    },
    async [Symbol.asyncDispose]() {
      await listener.close();
      for (const relay of relays) relay.abort();
    },
  };
  return proxy;
}

/** Dials for a client and relays until both sides are over. */
async function serveClient(
  client: Connection,
  target: Address,
  mark: string | undefined,
  faults: Faults,
  relays: Set<Relay>,
): Promise<void> {
  client.pause();
  let isGone = false;
  client.handle({
    data: () => undefined,
    close() {
      isGone = true;
    },
  });
  try {
    const nothing = { data: () => undefined, close: () => undefined };
    const server = await systemDriver().connect(target, nothing);
    if (isGone) server.abort();
    else new Relay(client, server, mark, faults, relays);
  } catch {
    // Whoever dials through the proxy sees what it would have seen without: a connection that is refused.
    client.abort();
  }
}

/** A client's connection and the one to the server. */
class Relay {
  readonly toServer: Lane;
  readonly toClient: Lane;
  isMarked = false;
  readonly #client: Connection;
  readonly #server: Connection;
  /** The side that is not told of the end of the other. */
  #alive: "client" | "server" | undefined;
  #open = 2;

  constructor(
    client: Connection,
    server: Connection,
    mark: string | undefined,
    faults: Faults,
    relays: Set<Relay>,
  ) {
    this.#client = client;
    this.#server = server;
    this.toServer = new Lane(client, server);
    this.toClient = new Lane(server, client);
    this.toClient.isSwallowing = faults.isSwallowing;
    this.toClient.budget = faults.budget;
    this.toServer.delayMs = this.toClient.delayMs = faults.delayMs;
    for (const way of faults.stalled) this.stall(way);
    relays.add(this);
    const over = (side: "client" | "server"): void => {
      this.#open -= 1;
      if (this.#open === 0) relays.delete(this);
      this.toServer.stop();
      this.toClient.stop();
      if (this.#alive !== undefined) return;
      if (side === "client") server.abort();
      else client.close();
    };
    server.handle({
      data: (_, chunk) => this.toClient.push(chunk),
      drain: () => this.toServer.drained(),
      end: () => this.toClient.push("end"),
      close: () => over("server"),
    });
    client.handle({
      data: (_, chunk) => {
        if (mark !== undefined && says(chunk, mark)) this.isMarked = true;
        this.toServer.push(chunk);
      },
      drain: () => this.toClient.drained(),
      end: () => this.toServer.push("end"),
      close: () => over("client"),
    });
    this.toServer.steer();
  }

  stall(way: Way): void {
    if (way !== "to_client") this.toServer.stall();
    if (way !== "to_server") this.toClient.stall();
  }

  halfOpen(alive: "client" | "server"): void {
    this.#alive = alive;
    this.toServer.isSwallowing = this.toClient.isSwallowing = true;
    if (alive === "client") this.#server.abort();
    else this.#client.abort();
  }

  abort(): void {
    this.#client.abort();
    this.#server.abort();
  }
}

function says(chunk: Uint8Array, mark: string): boolean {
  return Buffer.from(chunk).toString("latin1").toLowerCase().includes(mark);
}

interface Held {
  readonly what: Uint8Array | "end";
  readonly atMs: number;
}

/** One direction of a relay. */
class Lane {
  isSwallowing = false;
  delayMs = 0;
  /** Bytes that may still pass. */
  budget = Infinity;
  readonly #source: Connection;
  readonly #sink: Connection;
  readonly #held: Held[] = [];
  #isStalled = false;
  #isFull = false;
  #isOver = false;
  #timer: Timer | undefined;

  constructor(source: Connection, sink: Connection) {
    this.#source = source;
    this.#sink = sink;
  }

  push(what: Uint8Array | "end"): void {
    if (this.isSwallowing) return;
    this.#held.push({ what, atMs: systemClock.now() + this.delayMs });
    this.#advance();
  }

  stall(): void {
    this.#isStalled = true;
    this.steer();
  }

  flow(): void {
    this.#isStalled = false;
    this.delayMs = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const [index, { what }] of this.#held.entries()) this.#held[index] = { what, atMs: 0 };
    this.#advance();
    this.steer();
  }

  drained(): void {
    this.#isFull = false;
    this.steer();
  }

  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  /** Reads from the source, or not, so that who sends is slowed down as without a proxy. */
  steer(): void {
    if (this.#isStalled || this.#isFull) this.#source.pause();
    else this.#source.resume();
  }

  #advance(): void {
    for (let held = this.#held[0]; held && !this.#isStalled && !this.#isOver; held = this.#held[0]) {
      const waitMs = held.atMs - systemClock.now();
      if (waitMs > 0) {
        this.#timer ??= systemClock.after(waitMs, () => {
          this.#timer = undefined;
          this.#advance();
        });
        return;
      }
      this.#held.shift();
      this.#pass(held.what);
    }
  }

  #pass(what: Uint8Array | "end"): void {
    if (what === "end") {
      this.#sink.end();
      return;
    }
    const chunk = what.length > this.budget ? what.subarray(0, this.budget) : what;
    this.budget -= chunk.length;
    if (!this.#sink.write(chunk)) this.#isFull = true;
    if (chunk.length < what.length) {
      this.#sink.close();
      this.#source.abort();
    }
    this.steer();
  }
}
