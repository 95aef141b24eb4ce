import { backoff, type Clock, systemClock, wait } from "../../async/mod.ts";
import type { ClosingReason, Cursor } from "../protocol.ts";
import { Attendance } from "./attendance.ts";
import { Login } from "./credentials.ts";
import { ChatError, isRefusal } from "./errors.ts";
import { tellEvent } from "./events.ts";
import { Exchange, type Frame } from "./exchange.ts";
import { Friends } from "./friends.ts";
import { Groups, type PageRequest } from "./groups.ts";
import { type ConversationView, type History, type HistoryPage, toHistory, toUnread } from "./history.ts";
import type { ChatClientHandler, ChatClientOptions, ClientEnd } from "./options.ts";
import type { Posted, Sent } from "./outbox.ts";
import { randomId } from "./random_id.ts";
import { Reader, toGap, toMessage } from "./reader.ts";
import type { ShownMessage } from "./recent.ts";
import { Sender } from "./sender.ts";

const LOGIN_MS = 15_000;
/** A connection that ends sooner after its login counts as a try that failed: what has ended it may end the next one, too. */
const STEADY_MS = 5000;

/**
 * Connects, logs in, and stays connected.
 *
 * After the first login it comes back by itself, with back-off and jitter, from where it was; sends without an answer go again.
 *
 * @example A message from one user to another
 * ```ts
 * import assert from "node:assert/strict";
 * import { connectChat, registerChat, systemDriver, tcpDial } from "chorus";
 *
 * const dial = tcpDial(systemDriver(), [{ host: "127.0.0.1", port: 7000 }]);
 * for (const name of ["ada", "ben"]) await registerChat({ dial, name, password: "secret" });
 * const heard = Promise.withResolvers<string>();
 * await using ben = await connectChat({
 *   dial,
 *   credentials: { name: "ben", password: "secret" },
 *   handler: { message: ({ from, text }) => heard.resolve(`${from}: ${text}`) },
 * });
 * await using ada = await connectChat({ dial, credentials: { name: "ada", password: "secret" } });
 * await ada.send("ben", "hello");
 * assert.equal(await heard.promise, "ada: hello");
 * assert.equal(ben.cursor?.inbox, 1);
 * ```
 *
 * @throws {ChatError} When the login is refused. What cannot be reached is tried again until `signal` is aborted.
 */
export async function connectChat(options: ChatClientOptions): Promise<ChatClient> {
  const client = new ChatClient(options);
  await client.firstLogin;
  return client;
}

/** What came of one connection: whether it lasted, and how long to wait at least before the next one is made, if the server said. */
interface Served {
  readonly wasSteady: boolean;
  readonly retryMs?: number | undefined;
}

/**
 * A connected chat client. Made by {@linkcode connectChat}.
 *
 * @example What was said while one was away
 * ```ts
 * import assert from "node:assert/strict";
 * import { type ChatClient, connectChat, registerChat, systemDriver, tcpDial } from "chorus";
 *
 * const dial = tcpDial(systemDriver(), [{ host: "127.0.0.1", port: 7000 }]);
 * for (const name of ["ada", "ben"]) await registerChat({ dial, name, password: "secret" });
 * const connect = (name: string): Promise<ChatClient> => connectChat({ dial, credentials: { name, password: "secret" } });
 * await using ada = await connect("ada");
 * const { conversation, seq } = await ada.send("ben", "tea at five?");
 * await using ben = await connect("ben");
 * const { messages } = await ben.history("ada", { limit: 10 });
 * assert.deepEqual(messages.map(({ from, text }) => `${from}: ${text}`), ["ada: tea at five?"]);
 * await ben.read(conversation, seq);
 * await ben.logout();
 * assert.equal(await ben.closed, "closed");
 * ```
 */
export class ChatClient implements AsyncDisposable {
  /** Settles with the first login. */
  readonly firstLogin: Promise<void>;
  /** Settles when the client is over. Never rejects. */
  readonly closed: Promise<ClientEnd>;
  /** What names this device among those of the user. */
  readonly device: string;
  /** Friends, and who is online of them. */
  readonly friends: Friends;
  /** Groups, and who is in them. */
  readonly groups: Groups;
  readonly #options: ChatClientOptions;
  readonly #handler: ChatClientHandler;
  readonly #clock: Clock;
  readonly #login: Login;
  readonly #sender: Sender;
  readonly #reader: Reader;
  readonly #end = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<ClientEnd>();
  #user = "";
  /** The number of the last login: each is greater than those before, also than those of an earlier client of the device. */
  #attempt = 0;
  /** What came up to this entry of the inbox was counted as unread at the login. */
  #top = 0;
  /** The connection, while logged in on one. */
  #attendance: Attendance | undefined;

  /** Use {@linkcode connectChat}, which waits for the login. */
  constructor(options: ChatClientOptions) {
    const { clock = systemClock, handler = {}, device = randomId(), maxUnsent = 10_000 } = options;
    this.#options = options;
    this.#clock = clock;
    this.#handler = handler;
    this.#login = new Login(options.credentials);
    this.#sender = new Sender(maxUnsent, clock);
    this.#reader = new Reader(options.cursor, options.recent);
    this.device = device;
    const ask = (request: Readonly<Record<string, unknown>>): Promise<Frame> => this.#ask(request);
    this.friends = new Friends(ask);
    this.groups = new Groups(ask);
    this.firstLogin = this.#first.promise;
    this.closed = this.#over.promise;
    // Owned by `closed`, which settles when the loop ends.
    void this.#run();
  }

  /** The user's name as the server knows it. */
  get user(): string {
    return this.#user;
  }

  /** Where this device stands: given to a later client, that goes on from here. Undefined until a message came. */
  get cursor(): Cursor | undefined {
    return this.#reader.cursor;
  }

  /**
   * What was shown last, at least 4,096 messages or 4 Mi characters of them, the oldest first: given to a later client beside the cursor. That
   * alone does not tell what was shown before the servers went back to older data.
   */
  get recent(): readonly ShownMessage[] {
    return this.#reader.recent;
  }

  /** The token of the login, which logs in again without a password. */
  get token(): string | undefined {
    return this.#login.token;
  }

  /**
   * Sends a message to a user, or to a `#group`. Resolves when the server has stored it, however many connections that takes.
   * Messages to one receiver keep their order.
   *
   * @throws {ChatError} With the server's code when it is refused; `too_large`, unsent, when its frame would be longer than 64 KiB; `unknown` when it
   * had no answer for an hour, or before the client was closed; `closed` when it had not left by then.
   */
  send(to: string, text: string): Promise<Sent> {
    return this.post(to, text).sent;
  }

  /**
   * Sends a message as {@linkcode send} does, and says its id at once: the user's own message comes to the user's devices, too, and may come before the answer.
   * What shows a message while it waits takes it out when either has come.
   */
  post(to: string, text: string): Posted {
    return this.#sender.post(to, text);
  }

  /**
   * Sends something that is not stored to a user, or to a `#group`: those who are online get it at most once.
   *
   * @param data Anything that JSON can say in 4 KiB.
   * @throws {ChatError} With the server's code; `unavailable` when there is no connection, and then it is not sent later.
   */
  async signal(to: string, data: unknown): Promise<void> {
    await this.#ask({ type: "signal", to, data });
  }

  /** Says that the user has read a conversation up to number `seq`. @throws {ChatError} */
  async read(conversation: string, seq: number): Promise<void> {
    await this.#ask({ type: "read", conversation, seq });
  }

  /**
   * Asks for the messages with a user, or of a `#group`, that come before number `before`, the newest without it.
   *
   * @throws {ChatError} With the server's code; `unavailable` while there is no connection.
   */
  async history(peer: string, page: HistoryPage = {}): Promise<History> {
    return toHistory(await this.#ask({ type: "history", with: peer, ...page }));
  }

  /**
   * The conversations that the user is in, in the order of their names, also those that are read: pairs in which something was sent, and groups.
   *
   * @throws {ChatError} With the server's code; `unavailable` while there is no connection.
   */
  async conversations(
    page: PageRequest = {},
  ): Promise<{ readonly conversations: readonly ConversationView[]; readonly more: boolean }> {
    const { conversations, more } = await this.#ask({ type: "conversation.list", ...page });
    return { conversations: conversations as readonly ConversationView[], more: more === true };
  }

  /** Changes the password, and ends the user's other logins. @throws {ChatError} `bad_credentials` when `old` is not the password. */
  async changePassword(old: string, changed: string): Promise<void> {
    const { token } = await this.#ask({ type: "password", old, new: changed });
    this.#login.accepted(String(token));
  }

  /** Makes the token of this login worthless, with `all` every login of the user, and closes the client. @throws {ChatError} */
  async logout({ all = false }: { readonly all?: boolean } = {}): Promise<void> {
    this.#attendance?.acknowledge();
    await this.#ask({ type: "logout", ...(all && { all }) });
    await this.close();
  }

  /** Ends the connection, after what was written to it. Sends without an answer reject with `unknown`, or `closed` where they have not left. Idempotent. */
  async close(): Promise<void> {
    this.#attendance?.acknowledge();
    this.#finish("closed", new ChatError("closed", "the client is closed"));
    await this.closed;
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #ask(frame: Readonly<Record<string, unknown>>): Promise<Frame> {
    if (this.#attendance) return this.#attendance.exchange.request(frame);
    return Promise.reject(new ChatError("unavailable", "there is no connection now"));
  }

  /** Connects again and again until the end. */
  async #run(): Promise<void> {
    const { signal } = this.#end;
    const onAbort = () => this.#finish("refused", this.#options.signal?.reason);
    this.#options.signal?.addEventListener("abort", onAbort, { once: true });
    if (this.#options.signal?.aborted) onAbort();
    const stopListening = () => this.#options.signal?.removeEventListener("abort", onAbort);
    this.firstLogin.then(stopListening, stopListening);
    let delays = backoff();
    while (!signal.aborted) {
      const { wasSteady, retryMs = 0 } = await this.#serve();
      if (wasSteady) delays = backoff();
      const delayMs = Math.max(delays.next().value, retryMs);
      // Aborted: the loop ends.
      if (!signal.aborted) await wait(delayMs, { signal, clock: this.#clock }).catch(() => undefined);
    }
  }

  /** One connection from its dial to its end. */
  async #serve(): Promise<Served> {
    const deadline = AbortSignal.any([this.#end.signal, AbortSignal.timeout(LOGIN_MS)]);
    let exchange: Exchange | undefined;
    const abandon = () => exchange?.abort();
    try {
      const handler = {
        event: (frame: Frame) => this.#receive(frame),
        heard: () => this.#attendance?.hear(),
      };
      const credentials = await this.#login.next(deadline);
      exchange = await Exchange.open(this.#options.dial, handler, deadline);
      deadline.addEventListener("abort", abandon, { once: true });
      const opened = exchange;
      const { device, cursor } = this;
      this.#attempt = Math.max(this.#attempt + 1, this.#clock.wallNow());
      const login = { type: "login", ...credentials, device, cursor, attempt: this.#attempt };
      await opened.request(login, (answer) => {
        // Whoever closes the client from now on, as when told that it is online, ends the connection in order.
        deadline.removeEventListener("abort", abandon);
        this.#enter(opened, answer);
      });
      const since = this.#clock.now();
      await opened.over;
      return { wasSteady: this.#clock.now() - since >= STEADY_MS };
    } catch (error) {
      exchange?.close();
      if (isRefusal(error)) this.#finish("refused", error);
      if (!(error instanceof ChatError)) return { wasSteady: false };
      this.#attempt = Math.max(this.#attempt, error.attempt ?? 0);
      return { wasSteady: false, retryMs: error.retryMs };
    } finally {
      deadline.removeEventListener("abort", abandon);
      this.#leave();
    }
  }

  #enter(exchange: Exchange, answer: Frame): void {
    this.#user = String(answer.user);
    this.#login.accepted(String(answer.token));
    this.#reader.enter(String(answer.epoch));
    this.#attendance = new Attendance({ exchange, clock: this.#clock, seen: () => this.#reader.seen });
    this.#first.resolve();
    this.#top = Number(answer.inbox);
    this.#handler.online?.(String(answer.server), toUnread(answer), this.#top);
    this.#sender.online(exchange);
  }

  #leave(): void {
    if (!this.#attendance) return;
    this.#attendance.end();
    this.#attendance = undefined;
    this.#sender.offline();
    if (!this.#end.signal.aborted) this.#handler.offline?.();
  }

  #receive(frame: Frame): void {
    switch (frame.type) {
      case "message": {
        const message = toMessage(frame);
        this.#place(this.#reader.take(message), () => this.#handler.message?.(message));
        break;
      }
      case "gap": {
        const gap = toGap(frame);
        this.#place(this.#reader.pass(gap), () => this.#handler.gap?.(gap.conversation, gap.missing));
        break;
      }
      case "resync": {
        const reason = frame.reason as "trimmed" | "rollback";
        const inbox = Number(frame.inbox);
        if (this.#reader.resync(String(frame.epoch), inbox, reason)) this.#top = inbox;
        this.#handler.resync?.(reason, this.#top);
        break;
      }
      case "closing":
        this.#prepareToLeave(frame.reason as ClosingReason, Number(frame.after));
        break;
      default:
        tellEvent(this.#handler, frame);
    }
  }

  /** Shows an entry of the inbox if its turn has come. */
  #place(step: ReturnType<Reader["take"]>, show: () => void): void {
    if (step === "new") show();
    if (step === "new" || step === "repeat") this.#attendance?.acknowledgeSoon();
    // The next login brings everything from where we are.
    if (step === "gap") this.#attendance?.exchange.close();
  }

  #prepareToLeave(reason: ClosingReason, afterMs: number): void {
    this.#handler.closing?.(reason);
    if (reason === "replaced") {
      this.#finish("replaced", new ChatError("closed", "a newer login of this device has replaced this one"));
    } else {
      // After `operator` the token may be worthless: the next login will tell.
      this.#attendance?.leaveWithin(afterMs);
    }
  }

  #finish(end: ClientEnd, error: Error): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort(error);
    this.#first.reject(error);
    // Nobody may be waiting for the first login any more.
    this.firstLogin.catch(() => undefined);
    this.#sender.close(error);
    this.#attendance?.exchange.close();
    this.#attendance?.end();
    this.#over.resolve(end);
  }
}
