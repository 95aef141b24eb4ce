import { MAX_SERVER_FRAME_BYTES } from "../protocol.ts";
import type { Dial, DialHandler, ServerLink } from "./dial.ts";

/** How long the goodbyes of a connection may take, in milliseconds: one that hangs would wait for minutes in some browsers. */
const CLOSE_MS = 3000;

/** What Bun's WebSockets can do, too: end without the server's goodbye. */
interface Terminable {
  terminate?(): void;
}

/**
 * Dials a chat server, or a balancer before some, by WebSocket: in a browser, or on any of the runtimes.
 *
 * A connection that is given up is over at once where nobody is there any more, else 3 s after its goodbye at most. Under Bun its socket is
 * gone then, too. Those of Node and Deno end with the server's goodbye or its connection, and by nothing that a program could do: until
 * then they keep its process, unless it calls `process.exit` or dials by `tcpDial`.
 *
 * @example A client as a browser has it
 * ```ts
 * import assert from "node:assert/strict";
 * import { connectChat, registerChat, webSocketDial } from "chorus";
 *
 * const dial = webSocketDial(["ws://127.0.0.1:7080/ws"]);
 * await registerChat({ dial, name: "ada", password: "secret" });
 * await using ada = await connectChat({ dial, credentials: { name: "ada", password: "secret" } });
 * assert.equal(ada.user, "ada");
 * ```
 *
 * @param urls Such as `wss://chat.example.org/ws`. Several are tried in turn, one each time.
 * @throws {RangeError} When one of them is no `ws` or `wss` URL, or has a fragment.
 */
export function webSocketDial(urls: readonly [string, ...string[]]): Dial {
  for (const url of urls) checkUrl(url);
  let turn = 0;
  return async (handler, signal) => {
    const url = urls[turn % urls.length] ?? urls[0];
    turn += 1;
    signal.throwIfAborted();
    const link = new WebSocketServerLink(new WebSocket(url), handler);
    const onAbort = (): void => link.close();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await link.opened;
      return link;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  };
}

/** What is wrong with a URL would otherwise look like a server that is away, and be tried for ever. */
function checkUrl(text: string): void {
  const { protocol, hash } = URL.canParse(text) ? new URL(text) : { protocol: "", hash: "" };
  if ((protocol === "ws:" || protocol === "wss:") && hash === "") return;
  throw new RangeError(`Cannot dial "${text}": a URL such as wss://chat.example.org/ws is wanted`);
}

type Phase = "opening" | "open" | "closing" | "closed";

/** A WebSocket as a client uses it. */
class WebSocketServerLink implements ServerLink {
  /** Settles when frames can be sent. Rejects when that will never be. */
  readonly opened: Promise<void>;
  readonly #socket: WebSocket;
  readonly #handler: DialHandler;
  readonly #settle = Promise.withResolvers<void>();
  #phase: Phase = "opening";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: WebSocket, handler: DialHandler) {
    this.#socket = socket;
    this.#handler = handler;
    this.opened = this.#settle.promise;
    socket.addEventListener("open", () => this.#open());
    socket.addEventListener("message", ({ data }) => this.#receive(data));
    // What went wrong is told to nobody; `close` follows, but for a runtime that forgets it.
    socket.addEventListener("error", () => this.close());
    socket.addEventListener("close", () => this.#over());
  }

  write(json: string): void {
    if (this.#phase === "open") this.#socket.send(json);
  }

  close(): void {
    if (this.#phase === "closing" || this.#phase === "closed") return;
    this.#settle.reject(new Error("Cannot open a WebSocket: nobody answers, or it is refused"));
    const wasOpen = this.#phase === "open";
    this.#phase = "closing";
    this.#socket.close();
    if (wasOpen) this.#timer = setTimeout(() => this.#over(), CLOSE_MS);
  }

  abort(): void {
    this.close();
    this.#over();
  }

  #open(): void {
    if (this.#phase !== "opening") return;
    this.#phase = "open";
    this.#settle.resolve();
  }

  #receive(data: unknown): void {
    if (this.#phase !== "open") return;
    if (typeof data !== "string" || data.length > MAX_SERVER_FRAME_BYTES) {
      this.close();
      return;
    }
    try {
      this.#handler.line(data);
    } catch {
      // Frames that cannot be read end their connection, as over TCP; the next one is made.
      this.close();
    }
  }

  #over(): void {
    if (this.#phase === "closed") return;
    const wasOpen = this.#phase === "open" || this.#timer !== undefined;
    this.#phase = "closed";
    clearTimeout(this.#timer);
    (this.#socket as Terminable).terminate?.();
    this.#settle.reject(new Error("Cannot open a WebSocket: nobody answers, or it is refused"));
    // One that never opened is told of by the dial.
    if (wasOpen) this.#handler.close();
  }
}
