import { randomBytes } from "node:crypto";
import type { Logger } from "@logtape/logtape";
import {
  type Channel,
  type Child,
  type End,
  type HandOver,
  handOver,
  type Supervised,
  startChild,
  supervise,
} from "../server/mod.ts";
import { StartError } from "./errors.ts";
import { wordsOfEnd } from "./log.ts";
import type { ChildConfiguration, Started, ToldDrain } from "./up_child.ts";

/** Options for {@linkcode UpServers}. */
export interface UpServersOptions {
  readonly count: number;
  readonly configuration: Omit<ChildConfiguration, "id" | "announceId">;
  /** Serves a new child's channel with what the parent has for it: bus, registry, store. */
  readonly attach: (channel: Channel) => void;
  readonly log: Logger;
}

const CHILD = new URL("./up_child.ts", import.meta.url).href;
/** How much longer than its grace a child may take to end, in milliseconds, before it is killed. */
const END_MARGIN_MS = 2000;

/** The chat servers of `chorus up`: child processes that are started again when they die. */
export class UpServers {
  readonly #options: UpServersOptions;
  readonly #supervised: Supervised[] = [];
  readonly #children = new Set<Child>();
  readonly #byAddress = new Map<string, { readonly channel: Channel; readonly handOver: HandOver }>();
  readonly #failed = Promise.withResolvers<never>();
  #isStopping = false;
  #isStarted = false;

  constructor(options: UpServersOptions) {
    this.#options = options;
    // Nobody may be waiting for the start any more.
    this.#failed.promise.catch(() => undefined);
    for (let number = 1; number <= options.count; number++) {
      this.#supervised.push(
        supervise({
          start: () => this.#start(`chat-${number}`),
          onEnd: (end, delayMs) => this.#ended(`chat-${number}`, end, delayMs),
        }),
      );
    }
  }

  /** Rejects with a {@linkcode StartError} when a server ends before `started` was called; else never settles. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** From now on a server that ends is only started again. */
  started(): void {
    this.#isStarted = true;
  }

  /** The way to hand connections to the server at an address. */
  at(address: string): HandOver | undefined {
    return this.#byAddress.get(address)?.handOver;
  }

  /** Lets the server at an address send its clients elsewhere within `graceMs`, and close those that are left then. */
  drain(address: string, graceMs: number): void {
    this.#byAddress.get(address)?.channel.send("drain", { graceMs } satisfies ToldDrain);
  }

  /** Lets the server at an address take clients as before. */
  undrain(address: string): void {
    this.#byAddress.get(address)?.channel.send("drain", "off" satisfies ToldDrain);
  }

  /** Lets every server drain and end; kills those that take too long. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const supervised of this.#supervised) supervised.release();
    for (const child of this.#children) child.channel.send("stop", undefined);
    const { graceMs } = this.#options.configuration;
    const timer = setTimeout(() => this.kill(), graceMs + END_MARGIN_MS);
    await Promise.all([...this.#children].map((child) => child.exited));
    clearTimeout(timer);
  }

  /** Ends every server at once. */
  kill(): void {
    this.#isStopping = true;
    for (const supervised of this.#supervised) supervised.release();
    for (const child of this.#children) child.kill("SIGKILL");
  }

  async #start(id: string): Promise<Child> {
    const { configuration, attach } = this.#options;
    const child = await startChild(CHILD, ["--id", id]);
    this.#children.add(child);
    void child.exited.then(() => this.#children.delete(child));
    // It was asked for before the stop, and came after it.
    if (this.#isStopping) child.kill("SIGKILL");
    attach(child.channel);
    child.channel.on("started", (body) => this.#childStarted(child, id, body as Started));
    const announceId = `${id}-${randomBytes(4).toString("hex")}`;
    const log = { ...configuration.log, role: id };
    child.channel.send("configure", { ...configuration, id, announceId, log } satisfies ChildConfiguration);
    return child;
  }

  #childStarted(child: Child, id: string, started: Started): void {
    if ("error" in started) {
      this.#options.log.error("{id} cannot start: {error}", { id, error: started.error });
      this.#failed.reject(new StartError(`${id} cannot start: ${started.error}`));
      child.kill("SIGKILL");
      return;
    }
    const { channel } = child;
    this.#byAddress.set(started.tcp, { channel, handOver: handOver(channel) });
    void child.exited.then(() => this.#byAddress.delete(started.tcp));
  }

  #ended(id: string, end: End, delayMs: number): void {
    const how = wordsOfEnd(end);
    if (!this.#isStarted) this.#failed.reject(new StartError(`${id} ended before it was ready: ${how}`));
    this.#options.log.warn("{id} ended: {how}; it is started again in {delayMs} ms", {
      id,
      how,
      delayMs: Math.round(delayMs),
    });
  }
}
