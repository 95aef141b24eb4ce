/**
 * Chat servers in this process for the tests: any number of them on one store and one bus.
 *
 * @module
 */
import { type Clock, systemClock } from "../../src/async/mod.ts";
import type { TokenVerifier } from "../../src/chat/account/token_verifier.ts";
import {
  type ChatLimits,
  type ChatServer,
  type StoreLimits,
  startChatServer,
  type WebOptions,
} from "../../src/chat/mod.ts";
import { type Address, AddressList, systemDriver } from "../../src/net/mod.ts";
import { folderBackings, redisBackings } from "./chat_backings.ts";

/** No limits on what tests do quickly and from one address; tests of the limits set them. */
const NO_LIMITS: Partial<ChatLimits> = {
  messagesPerSecond: undefined,
  connectionsPerHost: undefined,
  registersPerMinute: undefined,
  loginFailures: undefined,
};

/** Options for {@linkcode chatServers}. */
export interface ChatServersOptions {
  readonly limits?: Partial<ChatLimits>;
  readonly clock?: Clock;
  /** Networks of balancers. */
  readonly trusted?: readonly string[];
  /** What the HTTP and WebSocket side of each is, but for where it listens. @default {there is none} */
  readonly web?: Omit<WebOptions, "listen">;
  readonly storeLimits?: StoreLimits;
  /** The URL of a Redis that they share instead of a data folder. */
  readonly redis?: string;
  /** Who can tell whose JSON Web Tokens are. */
  readonly verifier?: TokenVerifier;
}

/** Servers that form one cluster. */
export interface ChatServers extends AsyncDisposable {
  readonly servers: readonly ChatServer[];
  /** Where server `index` listens. */
  at(index: number): Address;
  /** Where server `index` serves HTTP and WebSocket. */
  webAt(index: number): Address;
  /** Cuts server `index` off from the presence: for the others it has died. */
  losePresence(index: number): void;
  /** Everything that was reported by `onError`. */
  readonly errors: unknown[];
}

/** Starts `count` servers that share a data folder, or a Redis. */
export async function chatServers(count: number, options: ChatServersOptions = {}): Promise<ChatServers> {
  const { limits = {}, clock = systemClock, trusted = [], storeLimits = {}, redis } = options;
  const list = AddressList.parse(trusted);
  if (typeof list === "string") throw new RangeError(list);
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const stack = new AsyncDisposableStack();
  const shared = { storeLimits, clock, onError };
  const backings = stack.use(
    redis === undefined ? await folderBackings(shared) : redisBackings(redis, shared),
  );
  const servers: ChatServer[] = [];
  for (let index = 0; index < count; index++) {
    const id = `s${index}`;
    const onGone = (users: readonly string[]): void => servers[index]?.usersGone(users);
    const onRestored = (): void => void servers[index]?.reconcile();
    const backing = await backings.open({ server: id, onGone, onRestored });
    const server = await startChatServer({
      ...backing,
      id,
      listen: { host: "127.0.0.1", port: 0 },
      web: options.web && { ...options.web, listen: { host: "127.0.0.1", port: 0 } },
      driver: systemDriver(),
      limits: { ...NO_LIMITS, ...limits },
      clock,
      trusted: list,
      capacity: 100,
      passwordCost: 10,
      verifier: options.verifier,
      onError,
    });
    servers.push(stack.use(server));
  }
  return {
    servers,
    errors,
    losePresence: (index) => backings.losePresence(index),
    at(index) {
      const server = servers[index];
      if (!server) throw new RangeError(`there is no server ${index}`);
      return server.address;
    },
    webAt(index) {
      const address = servers[index]?.web;
      if (!address) throw new RangeError(`server ${index} has no HTTP side`);
      return address;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
