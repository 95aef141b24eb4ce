import { type ChatClient, ChatError, type ChatMessage } from "../chat/mod.ts";
import { printable, type Screen } from "./client_screen.ts";

const COMMANDS = [
  "@NAME TEXT       send TEXT to NAME, and go on talking to them",
  "TEXT             send TEXT to whom you talk to",
  "/to NAME         talk to NAME from now on",
  "/history [NAME]  show the last messages with NAME, or with whom you talk to",
  "/help            show this",
  "/quit            end (Ctrl-D and Ctrl-C do, too)",
];

/** Messages that wait for their answers; more lines are taken when the oldest has its own. */
const MAX_UNANSWERED = 1000;

/** What is said and shown in `chorus client`. */
export class Conversation {
  readonly #screen: Screen;
  readonly #sending = new Set<Promise<void>>();
  #client: ChatClient | undefined;
  #peer: string | undefined;
  #server: string | undefined;
  #failures = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** The client is there: from now on lines can be taken. */
  start(client: ChatClient): void {
    this.#client = client;
    this.#prompt();
    void client.closed.then((end) => {
      if (end === "closed") return;
      this.#screen.problem(
        end === "replaced"
          ? "— logged in elsewhere as this device: over"
          : "— the login is not taken any more: over",
      );
      this.#screen.close();
    });
    if (this.#screen.isInteractive) this.#screen.note("Type @NAME TEXT to talk to somebody, /help for more.");
  }

  online(server: string): void {
    this.#screen.note(
      this.#server === undefined ? `— connected to ${server}` : `— back, on ${server}; nothing was lost`,
    );
    this.#server = server;
  }

  offline(): void {
    this.#screen.note("— connection lost; what you type is sent once it is back");
  }

  closing(reason: string): void {
    if (reason === "draining") this.#screen.note("— the server is leaving; moving to another one");
    else if (reason !== "replaced") this.#screen.note(`— the server closes the connection: ${reason}`);
  }

  /** Shows a message. Whoever writes first is whom one talks to. */
  show({ at, from, to, text }: Pick<ChatMessage, "at" | "from" | "to" | "text">): void {
    const isOwn = from === this.#client?.user;
    const time = new Date(at).toTimeString().slice(0, 5);
    this.#screen.show(`${time} ${isOwn ? `you → ${to}` : from}: ${text}`);
    if (this.#peer !== undefined || isOwn) return;
    this.#peer = from;
    this.#prompt();
  }

  /** Does what a line asks for. Resolves when the next line may be taken. */
  async take(line: string): Promise<"quit" | "go on"> {
    const [word = "", ...rest] = line.trim().split(/\s+/);
    if (word === "/quit") return "quit";
    if (word === "/help") for (const command of COMMANDS) this.#screen.note(command);
    else if (word === "/to") this.#talkTo(rest[0]);
    else if (word === "/history") await this.#history(rest[0] ?? this.#peer);
    else if (word.startsWith("/")) this.#problem(`${word} is not a command; /help lists them`);
    else if (word.startsWith("@")) {
      this.#talkTo(word.slice(1));
      await this.#send(line.trim().slice(word.length).trim());
    } else await this.#send(line.trim());
    return "go on";
  }

  /**
   * Waits for the answers to what was sent, then ends.
   *
   * @returns The exit code: 1 when nobody sits before the screen and something went wrong, or the server ended it.
   */
  async finish(): Promise<number> {
    await Promise.all(this.#sending);
    await this.#client?.close();
    const isWhole = this.#failures === 0 && (await this.#client?.closed) === "closed";
    return isWhole || this.#screen.isInteractive ? 0 : 1;
  }

  #talkTo(name: string | undefined): void {
    if (name) this.#peer = name.toLowerCase();
    else this.#problem("say to whom: /to NAME");
    this.#prompt();
  }

  async #send(text: string): Promise<void> {
    if (text === "" || !this.#client) return;
    const to = this.#peer;
    if (to === undefined) {
      this.#problem("say to whom: @NAME TEXT");
      return;
    }
    const sending = this.#client.send(to, text).then(
      () => undefined,
      (error: unknown) => {
        this.#problem(`— not sent to ${to}: ${error instanceof ChatError ? error.message : String(error)}`);
      },
    );
    this.#sending.add(sending);
    void sending.finally(() => this.#sending.delete(sending));
    const [oldest] = this.#sending;
    if (this.#sending.size >= MAX_UNANSWERED) await oldest;
  }

  async #history(name: string | undefined): Promise<void> {
    if (name === undefined) {
      this.#problem("say with whom: /history NAME");
      return;
    }
    try {
      const { messages = [] } = (await this.#client?.history(name, { limit: 20 })) ?? {};
      if (messages.length === 0) this.#screen.note(`— nothing with ${name} yet`);
      for (const message of messages) this.show({ ...message, text: printable(message.text) });
    } catch (error) {
      this.#problem(`— no history: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Shows what went wrong; for whoever is not there to read it, it counts in the exit code. */
  #problem(line: string): void {
    this.#failures += 1;
    this.#screen.problem(line);
  }

  #prompt(): void {
    this.#screen.prompt(`${this.#client?.user ?? ""}${this.#peer ? ` → ${this.#peer}` : ""}> `);
  }
}
