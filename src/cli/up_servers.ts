import { randomBytes } from "node:crypto";
import type { Logger } from "@logtape/logtape";
import { type Channel, type Child, type HandOver, handOver, startChild } from "../server/mod.ts";
import { ChildServers, type ToldDrain } from "./child_servers.ts";
import type { ChildConfiguration } from "./up_child.ts";

/** Options for {@linkcode UpServers}. */
export interface UpServersOptions {
  readonly count: number;
  readonly configuration: Omit<ChildConfiguration, "id" | "announceId">;
  /** Serves a new child's channel with what the parent has for it: bus, registry, store. */
  readonly attach: (channel: Channel) => void;
  readonly log: Logger;
}

/** A server that runs. */
interface UpServer {
  readonly channel: Channel;
  readonly handOver: HandOver;
  /** Who waits for it to have heard that it is to take clients again, in the order in which it was told. */
  readonly undraining: (() => void)[];
}

const CHILD = new URL("./up_child.ts", import.meta.url).href;

/** The chat servers of `chorus up`: child processes that are started again when they die. */
export class UpServers {
  readonly #servers: ChildServers<Child>;
  readonly #byAddress = new Map<string, UpServer>();

  constructor({ count, configuration, attach, log }: UpServersOptions) {
    this.#servers = new ChildServers({
      start: (id) => startChild(CHILD, ["--id", id]),
      configurationOf(id): ChildConfiguration {
        const announceId = `${id}-${randomBytes(4).toString("hex")}`;
        return { ...configuration, id, announceId, log: { ...configuration.log, role: id } };
      },
      attach,
      onStarted: ({ channel, exited }, { tcp }) => {
        const server: UpServer = { channel, handOver: handOver(channel), undraining: [] };
        channel.on("undrained", () => server.undraining.shift()?.());
        this.#byAddress.set(tcp, server);
        void exited.then(() => this.#byAddress.delete(tcp));
      },
      graceMs: configuration.graceMs,
      log,
    });
    for (let number = 1; number <= count; number++) this.#servers.add(`chat-${number}`);
  }

  /** Rejects with a {@linkcode StartError} when a server ends before `started` was called; else never settles. */
  get failed(): Promise<never> {
    return this.#servers.failed;
  }

  /** From now on a server that ends is only started again. */
  started(): void {
    this.#servers.started();
  }

  /** The way to hand connections to the server at an address. */
  at(address: string): HandOver | undefined {
    return this.#byAddress.get(address)?.handOver;
  }

  /** Lets the server at an address send its clients elsewhere within `graceMs`, and close those that are left then. */
  drain(address: string, graceMs: number): void {
    this.#byAddress.get(address)?.channel.send("drain", { graceMs } satisfies ToldDrain);
  }

  /** Lets the server at an address take clients as before. Resolves when it has heard so, or is gone. */
  async undrain(address: string): Promise<void> {
    const server = this.#byAddress.get(address);
    if (!server?.channel.send("drain", "off" satisfies ToldDrain)) return;
    const heard = new Promise<void>((resolve) => server.undraining.push(resolve));
    await Promise.race([heard, server.channel.closed]);
  }

  /** Lets every server drain and end; kills those that take too long. */
  stop(): Promise<void> {
    return this.#servers.stop();
  }

  /** Ends every server at once. */
  kill(): void {
    this.#servers.kill();
  }
}
