/**
 * Chat servers in this process for the tests: any number of them on one store and one bus.
 *
 * @module
 */
import { type Clock, systemClock } from "../../src/async/mod.ts";
import { localBus } from "../../src/bus/mod.ts";
import {
  type ChatLimits,
  type ChatServer,
  openWriter,
  sqliteStore,
  startChatServer,
} from "../../src/chat/mod.ts";
import { type Address, AddressList, systemDriver } from "../../src/net/mod.ts";
import { temporaryFolder } from "../helpers.ts";

/** Options for {@linkcode chatServers}. */
export interface ChatServersOptions {
  readonly limits?: Partial<ChatLimits>;
  readonly clock?: Clock;
  /** Networks of balancers. */
  readonly trusted?: readonly string[];
}

/** Servers that form one cluster. */
export interface ChatServers extends AsyncDisposable {
  readonly servers: readonly ChatServer[];
  /** Where server `index` listens. */
  at(index: number): Address;
  /** Everything that was reported by `onError`. */
  readonly errors: unknown[];
}

/** Starts `count` servers that share a data folder. */
export async function chatServers(count: number, options: ChatServersOptions = {}): Promise<ChatServers> {
  const { limits = {}, clock = systemClock, trusted = [] } = options;
  const list = AddressList.parse(trusted);
  if (typeof list === "string") throw new RangeError(list);
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const stack = new AsyncDisposableStack();
  const { path: dir } = stack.use(temporaryFolder());
  const bus = stack.use(localBus());
  const hint = (user: string, line: Uint8Array): void => bus.publish(`user:${user}`, line);
  const writer = stack.use(await openWriter({ dir, durable: "memory", hint, onError }));
  const store = stack.use(await sqliteStore({ dir, writer }));
  const servers: ChatServer[] = [];
  for (let index = 0; index < count; index++) {
    const listen = { host: "127.0.0.1", port: 0 };
    const id = `s${index}`;
    servers.push(
      stack.use(
        await startChatServer({
          id,
          listen,
          driver: systemDriver(),
          store,
          bus,
          limits,
          clock,
          trusted: list,
          capacity: 100,
          onError,
        }),
      ),
    );
  }
  return {
    servers,
    errors,
    at(index) {
      const server = servers[index];
      if (!server) throw new RangeError(`there is no server ${index}`);
      return server.address;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
