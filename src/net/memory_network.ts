import { setImmediate } from "node:timers";
import { type Clock, systemClock } from "../async/mod.ts";
import { listenContext, offer } from "./accepting.ts";
import { formatAddress } from "./address.ts";
import type {
  Accept,
  Address,
  ConnectionHandler,
  ConnectOptions,
  Driver,
  Listener,
  ListenOptions,
} from "./contract.ts";
import { type Dial, dial } from "./dial.ts";
import { NetError } from "./error.ts";
import { toListener } from "./listener.ts";
import { joinTransports, type MemoryLink, MemoryTransport } from "./memory_transport.ts";

/** The ports that are given where none is asked for. */
const FIRST_PORT = 49_152;

/** Options for {@linkcode memoryNetwork}. */
export interface MemoryNetworkOptions {
  /** How long everything travels, in milliseconds; 0 for the next turn of the event loop. @default {0} */
  delayMs?: number;
  /** Splits what is sent into chunks of at most this size. @default {Infinity} chunks stay whole */
  maxChunkBytes?: number;
  /** How many bytes may be on their way in one direction before `write` returns false. @default {65536} */
  windowBytes?: number;
  /** Measures delays, and the deadlines of connecting and closing. @default {systemClock} */
  clock?: Clock;
}

/**
 * A network inside this process: addresses are names without meaning, order and delays are always the same, and it
 * misbehaves on command. For tests.
 */
export interface MemoryNetwork {
  /** What is listened and dialed with. */
  readonly driver: Driver;
  /** Resets all connections that were accepted at `address`: both sides report `reset`. */
  reset(address: Address): void;
  /** Nothing reaches or leaves `address` any more, as if its process hung: dials are not answered, nothing is lost. */
  freeze(address: Address): void;
  /** Ends {@linkcode MemoryNetwork.freeze}: what was held goes on. */
  thaw(address: Address): void;
}

interface Bound {
  readonly address: Address;
  readonly accept: Accept;
  readonly options: ListenOptions;
}

interface Joined {
  readonly link: MemoryLink;
  readonly sides: readonly MemoryTransport[];
  readonly goOn: () => void;
}

/**
 * Makes a network of its own, in which only its own driver connects.
 *
 * @example A connection breaks
 * ```ts
 * import assert from "node:assert/strict";
 * import { memoryNetwork } from "chorus";
 *
 * const network = memoryNetwork();
 * const address = { host: "server", port: 1 };
 * const quiet = { data: () => undefined, close: () => undefined };
 * await using _ = await network.driver.listen(address, () => quiet);
 * const over = Promise.withResolvers<string>();
 * await network.driver.connect(address, { ...quiet, close: (_, reason) => over.resolve(reason) });
 * network.reset(address);
 * assert.equal(await over.promise, "reset");
 * ```
 */
export function memoryNetwork(options: MemoryNetworkOptions = {}): MemoryNetwork {
  return new Network(options);
}

/**
 * The driver of a fresh network without delays.
 *
 * @example A server that is tested without sockets
 * ```ts
 * import assert from "node:assert/strict";
 * import { memoryDriver } from "chorus";
 *
 * const driver = memoryDriver();
 * await using listener = await driver.listen({ host: "server", port: 1 }, (client) => {
 *   client.write(new TextEncoder().encode("hello"));
 *   client.end();
 *   return { data: () => undefined, close: () => undefined };
 * });
 * const greeting = Promise.withResolvers<string>();
 * const data = (_: unknown, chunk: Uint8Array) => greeting.resolve(new TextDecoder().decode(chunk));
 * await driver.connect(listener.address, { data, end: (connection) => connection.end(), close: () => undefined });
 * assert.equal(await greeting.promise, "hello");
 * ```
 */
export function memoryDriver(): Driver {
  return memoryNetwork().driver;
}

class Network implements MemoryNetwork {
  readonly driver: Driver;
  readonly #options: Required<MemoryNetworkOptions>;
  readonly #context: { readonly clock: Clock };
  readonly #listeners = new Map<string, Bound>();
  readonly #joined = new Map<string, Set<Joined>>();
  readonly #frozen = new Set<string>();
  /** Dials that wait for an address to thaw. */
  #waiting: { readonly key: string; readonly goOn: () => void }[] = [];
  #nextPort = FIRST_PORT;

  constructor(options: MemoryNetworkOptions) {
    const {
      delayMs = 0,
      maxChunkBytes = Number.POSITIVE_INFINITY,
      windowBytes = 65_536,
      clock = systemClock,
    } = options;
    this.#options = { delayMs, maxChunkBytes, windowBytes, clock };
    this.#context = { clock };
    this.driver = {
      name: "memory",
      listen: async (address, accept, listenOptions = {}) => this.#listen(address, accept, listenOptions),
      connect: (address, handler, connectOptions = {}) =>
        dial(address, connectOptions, clock, (attempt) =>
          this.#dial(address, handler, connectOptions, attempt),
        ),
    };
  }

  reset(address: Address): void {
    for (const { sides } of this.#joined.get(formatAddress(address)) ?? []) {
      for (const side of sides) side.arrived("reset");
    }
  }

  freeze(address: Address): void {
    const key = formatAddress(address);
    this.#frozen.add(key);
    for (const { link } of this.#joined.get(key) ?? []) link.isFrozen = true;
  }

  thaw(address: Address): void {
    const key = formatAddress(address);
    this.#frozen.delete(key);
    for (const { link, goOn } of this.#joined.get(key) ?? []) {
      link.isFrozen = false;
      goOn();
    }
    const going = this.#waiting.filter((dialed) => dialed.key === key);
    this.#waiting = this.#waiting.filter((dialed) => dialed.key !== key);
    for (const { goOn } of going) goOn();
  }

  #listen(asked: Address, accept: Accept, options: ListenOptions): Listener {
    const address =
      "host" in asked && asked.port === 0 ? { host: asked.host, port: this.#freePort() } : asked;
    const key = formatAddress(address);
    const action = `listen on ${key}`;
    if (options.reusePort)
      throw new NetError("unsupported", `Cannot ${action}: ports are not shared in memory`);
    if (this.#listeners.has(key)) throw new NetError("in_use", `Cannot ${action}: in_use`);
    this.#listeners.set(key, { address, accept, options });
    return toListener(address, () => void this.#listeners.delete(key));
  }

  #freePort(): number {
    this.#nextPort += 1;
    return this.#nextPort - 1;
  }

  #dial(address: Address, handler: ConnectionHandler, options: ConnectOptions, attempt: Dial): () => void {
    const key = formatAddress(address);
    const release = once(attempt.released);
    const arrive = (): void => {
      if (this.#frozen.has(key)) this.#waiting.push({ key, goOn: arrive });
      else this.#answer(address, handler, options, { ...attempt, released: release });
    };
    if (this.#options.delayMs === 0) setImmediate(arrive);
    else this.#options.clock.after(this.#options.delayMs, arrive);
    return release;
  }

  #answer(address: Address, handler: ConnectionHandler, options: ConnectOptions, attempt: Dial): void {
    const key = formatAddress(address);
    const bound = this.#listeners.get(key);
    if (bound) {
      attempt.opened(() => this.#join(key, bound, handler, options));
    } else {
      const code = "path" in address ? "not_found" : "refused";
      attempt.failed(new NetError(code, `Cannot connect to ${key}: ${code}`));
    }
    attempt.released();
  }

  #join(
    key: string,
    bound: Bound,
    handler: ConnectionHandler,
    options: ConnectOptions,
  ): MemoryTransport["connection"] {
    const { clock } = this.#options;
    const from = this.#clientAddress(bound.address, options);
    const client = new MemoryTransport(from, bound.address, this.#context);
    const server = new MemoryTransport(bound.address, from, listenContext(clock, bound.options));
    const link: MemoryLink = { ...this.#options, isFrozen: false };
    const all = this.#joined.get(key) ?? new Set();
    const goOn = joinTransports(link, client, server, () => all.delete(joined));
    const joined: Joined = { link, sides: [client, server], goOn };
    this.#joined.set(key, all.add(joined));
    client.connection.handle(handler);
    offer(server.connection, bound.accept, bound.options);
    return client.connection;
  }

  #clientAddress(server: Address, options: ConnectOptions): Address {
    if ("path" in server) return { path: "" };
    return { host: options.localAddress ?? server.host, port: this.#freePort() };
  }
}

function once(callback: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) callback();
    isDone = true;
  };
}
