/**
 * Users with a `ChatClient` each, whose sends and sights go into a ledger.
 *
 * @module
 */
import { withDeadline } from "../../src/async/mod.ts";
import {
  type ChatClient,
  ChatError,
  type ChatMessage,
  type Cursor,
  connectChat,
  type ShownMessage,
  tcpDial,
} from "../../src/chat/mod.ts";
import { type Address, systemDriver } from "../../src/net/mod.ts";
import { DEADLINE_MS, RawClient, Signal } from "../helpers.ts";
import { assertKept, type Ledger, type Sight } from "./ledger.ts";

/** A user with one device. */
export interface Person extends AsyncDisposable {
  readonly name: string;
  readonly client: ChatClient;
  /** The server that the client is on, or was last. */
  readonly server: string;
  /** Logins so far. */
  readonly logins: number;
  /** What was shown, in order. */
  readonly shown: readonly ChatMessage[];
  /** Why the server closed, each time it said so. */
  readonly closings: readonly string[];
  /** Resolves at the login after the `count`th. */
  loggedInAgain(count: number): Promise<void>;
  /** Sends a text that nobody else sends. Resolves when it is known what became of it. */
  say(to: string): Promise<void>;
}

/** Options for {@linkcode joinChat}. */
export interface JoinOptions {
  readonly device?: string;
  readonly cursor?: Cursor | undefined;
  readonly recent?: readonly ShownMessage[];
  readonly maxUnsent?: number;
  /** Goes on noting what an earlier client of the device was shown. */
  readonly sight?: Sight;
}

/** Makes accounts, all with password `secret`. */
export async function register(at: Address, names: readonly string[]): Promise<void> {
  await using client = await RawClient.connect(at);
  for (const name of names) await client.ask({ type: "register", name, password: "secret" });
}

/** Where a client that is logged in stands, to be given to a later login. */
export function cursorOf(client: RawClient): Readonly<Record<"epoch" | "inbox" | "stamp", unknown>> {
  const epoch = client.frames.findLast((frame) => frame.epoch !== undefined)?.epoch;
  const last = client.messages.at(-1);
  return { epoch, inbox: last?.inbox, stamp: last?.stamp };
}

/** Logs a registered user in. The first of `addresses` is tried first. */
export async function joinChat(
  addresses: readonly [Address, ...Address[]],
  name: string,
  ledger: Ledger,
  options: JoinOptions = {},
): Promise<Person> {
  const { device = "phone", sight = ledger.device(name, device), ...more } = options;
  const shown: ChatMessage[] = [];
  const closings: string[] = [];
  const waiting = new Set<() => void>();
  let server = "";
  let logins = 0;
  const client = await connectChat({
    ...more,
    dial: tcpDial(systemDriver(), addresses),
    credentials: { name, password: "secret" },
    device,
    handler: {
      message(message) {
        shown.push(message);
        sight.see(message);
      },
      gap: (conversation, missing) => sight.gap(conversation, missing),
      resync: () => sight.resync(),
      closing: (reason) => void closings.push(reason),
      online(id) {
        server = id;
        logins += 1;
        for (const check of [...waiting]) check();
      },
    },
  });
  return {
    name,
    client,
    shown,
    closings,
    get server() {
      return server;
    },
    get logins() {
      return logins;
    },
    loggedInAgain(count) {
      const again = new Signal<void>();
      const check = (): void => {
        if (logins <= count) return;
        waiting.delete(check);
        again.fire();
      };
      waiting.add(check);
      check();
      return again.wait(`${name} log in again`);
    },
    async say(to) {
      const text = `${name}/${device} to ${to}, ${ledger.sent + 1}`;
      const record = ledger.send(name, to, text);
      try {
        record.acknowledged(await client.send(to, text));
      } catch (error) {
        record.ended(error instanceof ChatError && error.code !== "unknown" && error.code !== "closed");
      }
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** Says so many things, at most `ahead` of them without an answer. */
export function sayMany(from: Person, to: string, count: number, ahead = 16): Promise<void> {
  let left = count;
  return sayUntil(from, to, () => left-- <= 0, ahead);
}

/** Says one thing after the other until it is over, at most `ahead` of them without an answer. */
export async function sayUntil(
  from: Person,
  to: string,
  isOver: () => boolean,
  ahead: number,
): Promise<void> {
  const line = async (): Promise<void> => {
    while (!isOver()) await from.say(to);
  };
  await Promise.all(Array.from({ length: ahead }, line));
}

/** Waits until everything acknowledged was shown, and fails unless it was so once and in order. */
export async function assertSettled(ledger: Ledger, deadlineMs: number = DEADLINE_MS): Promise<void> {
  const settled = withDeadline(ledger.settled(), deadlineMs, "see everything acknowledged arrive");
  await settled.catch((error: Error) => {
    assertKept(ledger.verdict());
    throw error;
  });
  assertKept(ledger.verdict());
}
