import { backoff, type Clock, systemClock, type Timer, wait } from "../../async/mod.ts";
import type { ClosingReason, Cursor } from "../protocol.ts";
import { ChatError } from "./errors.ts";
import { Exchange, type Frame } from "./exchange.ts";
import type { ChatClientHandler, ChatClientOptions, ClientEnd, Credentials } from "./options.ts";
import type { Sent } from "./outbox.ts";
import { type ChatMessage, Reader, toMessage } from "./reader.ts";
import { Sender } from "./sender.ts";

const LOGIN_MS = 15_000;
const PING_MS = 30_000;
/** Without any frame for this long, though pinged, a connection is dead. */
const SILENT_MS = 45_000;
const ACK_MS = 100;

/**
 * Connects, logs in, and stays connected.
 *
 * After the first login it comes back by itself, with back-off and jitter, from where it was; sends without an answer go again.
 *
 * @throws {ChatError} When the login is refused. What cannot be reached is tried again until `signal` is aborted.
 */
export async function connectChat(options: ChatClientOptions): Promise<ChatClient> {
  const client = new ChatClient(options);
  await client.firstLogin;
  return client;
}

/** A connected chat client. Made by {@linkcode connectChat}. */
export class ChatClient implements AsyncDisposable {
  /** Settles with the first login. */
  readonly firstLogin: Promise<void>;
  /** Settles when the client is over. Never rejects. */
  readonly closed: Promise<ClientEnd>;
  readonly device: string;
  readonly #options: ChatClientOptions;
  readonly #handler: ChatClientHandler;
  readonly #clock: Clock;
  readonly #sender: Sender;
  readonly #reader: Reader;
  readonly #end = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<ClientEnd>();
  #credentials: Credentials;
  #user = "";
  /** The connection, while logged in on one. */
  #exchange: Exchange | undefined;
  #heardMs = 0;
  #leaveTimer: Timer | undefined;
  #ackTimer: Timer | undefined;
  #pingTimer: Timer | undefined;

  /** Use {@linkcode connectChat}, which waits for the login. */
  constructor(options: ChatClientOptions) {
    const { clock = systemClock, handler = {}, device = crypto.randomUUID(), maxUnsent = 10_000 } = options;
    this.#options = options;
    this.#clock = clock;
    this.#handler = handler;
    this.#credentials = options.credentials;
    this.#sender = new Sender(maxUnsent, clock);
    this.#reader = new Reader(options.cursor);
    this.device = device;
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

  /** The token of the login, which logs in again without a password. */
  get token(): string | undefined {
    return "token" in this.#credentials ? this.#credentials.token : undefined;
  }

  /**
   * Sends a message. Resolves when the server has stored it, however many connections that takes. Messages to one receiver
   * keep their order.
   *
   * @throws {ChatError} With the server's code when it is refused; `unknown` when it had no answer for an hour; `closed`.
   */
  send(to: string, text: string): Promise<Sent> {
    return this.#sender.send(to, text);
  }

  /**
   * Asks for the messages of a conversation that come before number `before`, the newest without it.
   *
   * @throws {ChatError} With the server's code; `unavailable` while there is no connection.
   */
  async history(
    peer: string,
    page: { readonly before?: number; readonly limit?: number } = {},
  ): Promise<{ readonly messages: readonly Omit<ChatMessage, "inbox" | "stamp">[]; readonly more: boolean }> {
    const { messages, more } = await this.#ask({ type: "history", with: peer, ...page });
    return { messages: messages as ChatMessage[], more: more === true };
  }

  /** Makes the token of this login worthless and closes the client. @throws {ChatError} */
  async logout(): Promise<void> {
    this.#acknowledge();
    await this.#ask({ type: "logout" });
    await this.close();
  }

  /** Ends the connection, after what was written to it. Sends without an answer reject with `closed`. Idempotent. */
  async close(): Promise<void> {
    this.#acknowledge();
    this.#finish("closed", closedError());
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #ask(frame: Record<string, unknown>): Promise<Frame> {
    if (!this.#exchange) throw new ChatError("unavailable", "there is no connection now");
    return await this.#exchange.request(frame);
  }

  /** Connects again and again until the end. */
  async #run(): Promise<void> {
    const { signal } = this.#end;
    const onAbort = () => this.#finish("refused", this.#options.signal?.reason);
    this.#options.signal?.addEventListener("abort", onAbort, { once: true });
    const stopListening = () => this.#options.signal?.removeEventListener("abort", onAbort);
    this.firstLogin.then(stopListening, stopListening);
    let delays = backoff();
    while (!signal.aborted) {
      const isOnline = await this.#serve();
      if (isOnline) delays = backoff();
      if (!signal.aborted)
        await wait(delays.next().value, { signal, clock: this.#clock }).catch(() => undefined);
    }
  }

  /** One connection from its dial to its end. @returns Whether it was logged in. */
  async #serve(): Promise<boolean> {
    const deadline = AbortSignal.any([this.#end.signal, AbortSignal.timeout(LOGIN_MS)]);
    let exchange: Exchange | undefined;
    const abandon = () => exchange?.close();
    try {
      const handler = { event: (frame: Frame) => this.#receive(frame), heard: () => this.#hear() };
      exchange = await Exchange.open(this.#options.dial, handler, deadline);
      deadline.addEventListener("abort", abandon, { once: true });
      const opened = exchange;
      const { device, cursor } = this;
      await opened.request({ type: "login", ...this.#credentials, device, cursor }, (answer) =>
        this.#enter(opened, answer),
      );
      deadline.removeEventListener("abort", abandon);
      await opened.over;
      return true;
    } catch (error) {
      exchange?.close();
      if (isRefusal(error)) this.#finish("refused", error);
      return false;
    } finally {
      deadline.removeEventListener("abort", abandon);
      this.#leave();
    }
  }

  #enter(exchange: Exchange, answer: Frame): void {
    this.#user = String(answer.user);
    this.#credentials = { token: String(answer.token) };
    this.#reader.enter(String(answer.epoch));
    this.#exchange = exchange;
    this.#schedulePing(exchange);
    this.#first.resolve();
    this.#handler.online?.(String(answer.server));
    this.#sender.online(exchange);
  }

  #leave(): void {
    this.#pingTimer?.cancel();
    this.#leaveTimer?.cancel();
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
    if (!this.#exchange) return;
    this.#sender.offline();
    this.#exchange = undefined;
    if (!this.#end.signal.aborted) this.#handler.offline?.();
  }

  #receive(frame: Frame): void {
    switch (frame.type) {
      case "message":
        this.#take(toMessage(frame));
        break;
      case "gap":
        if (this.#reader.take(toMessage(frame)) === "new") {
          this.#handler.gap?.(String(frame.conversation), Number(frame.missing));
        }
        break;
      case "resync":
        this.#reader.resync(String(frame.epoch), Number(frame.inbox));
        this.#handler.resync?.(frame.reason as "trimmed" | "rollback");
        break;
      case "closing":
        this.#prepareToLeave(frame.reason as ClosingReason, Number(frame.after));
        break;
    }
  }

  #take(message: ChatMessage): void {
    switch (this.#reader.take(message)) {
      case "new":
        this.#handler.message?.(message);
        this.#ackTimer ??= this.#clock.after(ACK_MS, () => this.#acknowledge());
        break;
      case "gap":
        // The next login brings everything from where we are.
        this.#exchange?.close();
        break;
      case "seen":
        break;
    }
  }

  #acknowledge(): void {
    this.#ackTimer?.cancel();
    this.#ackTimer = undefined;
    if (this.#reader.seen !== undefined) this.#exchange?.tell({ type: "ack", inbox: this.#reader.seen });
  }

  #prepareToLeave(reason: ClosingReason, afterMs: number): void {
    this.#handler.closing?.(reason);
    if (reason === "replaced") {
      this.#finish("replaced", new ChatError("closed", "a newer login of this device has replaced this one"));
    } else if (afterMs > 0) {
      // Spread over the time there is, so that not everybody arrives at the next server at once.
      const exchange = this.#exchange;
      const delay = Math.random() * afterMs * 0.8;
      this.#leaveTimer = this.#clock.after(delay, () => exchange?.close());
    }
  }

  #hear(): void {
    this.#heardMs = this.#clock.now();
  }

  #schedulePing(exchange: Exchange): void {
    this.#pingTimer = this.#clock.after(PING_MS, () => {
      if (this.#clock.now() - this.#heardMs > SILENT_MS) exchange.close();
      else exchange.tell({ type: "ping" });
      this.#schedulePing(exchange);
    });
  }

  #finish(end: ClientEnd, error: Error): void {
    if (this.#end.signal.aborted) return;
    this.#end.abort(error);
    this.#pingTimer?.cancel();
    this.#leaveTimer?.cancel();
    this.#first.reject(error);
    // Nobody may be waiting for the first login any more.
    this.firstLogin.catch(() => undefined);
    this.#sender.close(error);
    this.#exchange?.close();
    this.#over.resolve(end);
  }
}

function closedError(): ChatError {
  return new ChatError("closed", "the client is closed");
}

/** Whether a login failed for good: whatever another server is asked, it will say the same. */
function isRefusal(error: unknown): error is ChatError {
  if (!(error instanceof ChatError)) return false;
  return error.code === "bad_credentials" || error.code === "bad_name" || error.code === "bad_frame";
}
