/**
 * A `ChatClient` that keeps the events it is told of.
 *
 * @module
 */
import {
  type ChatClient,
  type ChatClientHandler,
  type ChatClientOptions,
  connectChat,
} from "../../../src/chat/mod.ts";
import type { Address } from "../../../src/net/mod.ts";
import { RawClient, Signal } from "../../helpers.ts";
import type { Way } from "./ways.ts";

/** The events that have no name of their own beside `type`. */
export type EventName = Extract<
  keyof ChatClientHandler,
  "presence" | "friend" | "group" | "receipt" | "signal" | "announcement"
>;

/** A client that keeps the events it is told of. */
export class Hearer implements AsyncDisposable {
  readonly events: [EventName, object][] = [];
  #client: ChatClient | undefined;
  #look: () => void = () => undefined;

  /** Makes an account, and logs in. */
  static async login(way: Way, address: Address, name: string): Promise<Hearer> {
    await using raw = await (way.name === "TCP" ? RawClient.connect : RawClient.open)(address);
    await raw.ask({ type: "register", name, password: "secret" });
    const hearer = new Hearer();
    const note =
      (type: EventName) =>
      (event: object): void => {
        hearer.events.push([type, event]);
        hearer.#look();
      };
    const handler = {
      presence: note("presence"),
      friend: note("friend"),
      group: note("group"),
      receipt: note("receipt"),
      signal: note("signal"),
      announcement: note("announcement"),
    };
    hearer.#attach(await connectChat({ ...optionsFor(way, address, name), handler }));
    return hearer;
  }

  get client(): ChatClient {
    if (!this.#client) throw new Error("not connected");
    return this.#client;
  }

  /** Waits for the next event of a type, and forgets it and those of the type before it. */
  async hears(type: EventName): Promise<object> {
    const heard = new Signal<object>();
    this.#look = () => {
      const index = this.events.findIndex(([found]) => found === type);
      const [event] = index < 0 ? [] : this.events.splice(index, 1);
      if (event) heard.fire(event[1]);
    };
    this.#look();
    const event = await heard.wait(`an event of type ${type}`);
    this.#look = () => undefined;
    return event;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }

  #attach(client: ChatClient): void {
    this.#client = client;
  }
}

/** By name and the password of all. */
export function optionsFor(way: Way, address: Address, name: string): ChatClientOptions {
  return { dial: way.dial(address), credentials: { name, password: "secret" } };
}
