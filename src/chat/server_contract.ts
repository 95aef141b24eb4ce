import type { Socket } from "node:net";
import type { Clock } from "../async/mod.ts";
import type { Bus } from "../bus/mod.ts";
import type { Address, AddressList, Driver } from "../net/mod.ts";
import type { TokenVerifier } from "./account/token_verifier.ts";
import type { Admission } from "./admission/admission.ts";
import type { ChatCounters } from "./counters.ts";
import type { ServerDrain } from "./draining.ts";
import type { ChatLimits } from "./limits.ts";
import type { Presence } from "./presence/mod.ts";
import type { SessionControl } from "./session/session_control.ts";
import type { Store } from "./store/mod.ts";

/** The HTTP and WebSocket side of a chat server: a page to chat on, and what it connects to. */
export interface WebOptions {
  /** Where it listens. WebSockets are opened at `/ws`, or at `/`. */
  readonly listen: Address;
  /**
   * The sites whose pages may connect, such as `https://chat.example.org`.
   *
   * @default {those of the host that is asked}
   */
  readonly origins?: readonly string[];
}

/** Options for {@linkcode startChatServer}. The store, the bus and the presence stay the caller's: they are closed after the server. */
export interface ChatServerOptions {
  /** The server's name, as `login` tells it. */
  readonly id: string;
  /** Where it listens for TCP. */
  readonly listen: Address;
  /** Where it serves HTTP and WebSocket. @default {nowhere} */
  readonly web?: WebOptions | undefined;
  /** The sockets that it uses. */
  readonly driver: Driver;
  /** Where accounts and messages are kept. */
  readonly store: Store;
  /** How it hears of what other servers have stored. */
  readonly bus: Bus;
  /** Who is online on all servers; its `onGone` is to call {@linkcode ChatServer.usersGone}, its `onBack` {@linkcode ChatServer.usersBack}. @default {the users of this server alone} */
  readonly presence?: Presence;
  /** Who can tell whose the JSON Web Tokens are that clients log in with. @default {nobody: they are refused} */
  readonly verifier?: TokenVerifier | undefined;
  /**
   * The addresses of balancers: they may ping without a login, and learn how the server is; and what they say in a PROXY header, of
   * version 1 or 2, is believed: that client's address then counts. All that can connect from there can claim any address.
   *
   * @default {nobody}
   */
  readonly trusted?: AddressList;
  /** The connections it can hold, as balancers are told. @default {0} which says nothing */
  readonly capacity?: number;
  /**
   * What a new hash of a password costs, as a power of two from 10 to 20: one more doubles the time and the memory. Hashes keep theirs.
   *
   * @default {14} 16 MiB and about 40 ms
   */
  readonly passwordCost?: number | undefined;
  /** Lets other servers listen on the same address; the system spreads the connections. @default {false} */
  readonly reusePort?: boolean;
  /**
   * Who may come in: that of {@linkcode admissionHub} where several servers listen on one address, so that the limits of an
   * address hold for all of them together.
   *
   * @default {by the limits, for this server alone}
   */
  readonly admission?: Admission;
  /** What one client may take; what is absent is as in {@linkcode DEFAULT_LIMITS}. @default {DEFAULT_LIMITS} */
  readonly limits?: Partial<ChatLimits>;
  /** The source of time. @default {systemClock} */
  readonly clock?: Clock;
  /** Told of every failure that is not a client's, with what was being done. Must not throw. */
  readonly onError: (error: unknown, context: { readonly during: string }) => void;
}

/** A running chat server. */
export interface ChatServer extends AsyncDisposable {
  /** Its name, as `login` tells it. */
  readonly id: string;
  /** Where it listens, with the real port. */
  readonly address: Address;
  /** Where it serves HTTP and WebSocket, with the real port; undefined where it does not. */
  readonly web: Address | undefined;
  /** Connections now, logged in or not. */
  readonly connections: number;
  /** Logged-in sessions now. */
  readonly sessions: number;
  /** What it has done so far. */
  readonly counters: Readonly<ChatCounters>;
  /** What operators can do about the sessions. */
  readonly control: SessionControl;
  /** How far its drain has come; undefined while it takes clients. */
  readonly draining: ServerDrain | undefined;
  /** Takes over a connection that another process accepted. `onClose` is called once when it is over. */
  adopt(socket: Socket, onClose: () => void): void;
  /** Brings every session what its hints may have missed: to be called after the bus was away. Failures go to `onError`. */
  reconcile(): Promise<void>;
  /** Users have gone offline with a server that died: their friends who are online are told. */
  usersGone(users: readonly string[]): void;
  /** Tells the friends of users who are here that they are: they may have been given as gone. To be called when the presence says so. */
  usersBack(users: readonly string[]): void;
  /**
   * Tells every client to go elsewhere within `graceMs`, and closes those still there when that time is over: they are told to come
   * back spread over a time. It goes on listening, and says to balancers that it drains; who logs in is told as well, and closed at
   * once when the time is over. Called again, the newer time counts. Does nothing once it is being closed.
   */
  drain(graceMs: number): void;
  /** Calls {@linkcode drain} off: clients are taken as before, and those that are still there stay. */
  undrain(): void;
  /** Stops accepting, and lets go of everything once the clients have left as by {@linkcode drain}. Idempotent: a second call does not prolong the first. */
  close(graceMs?: number): Promise<void>;
}
