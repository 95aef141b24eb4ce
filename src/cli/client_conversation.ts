import { type ChatClient, ChatError, type ChatMessage } from "../chat/mod.ts";
import { CLIENT_COMMANDS } from "./client_commands.ts";
import { News } from "./client_news.ts";
import { promptText } from "./client_prompt.ts";
import { Reading } from "./client_reading.ts";
import { printable, type Screen } from "./client_screen.ts";

const HELP: readonly (readonly string[])[] = [
  ["@NAME TEXT", "send TEXT to NAME, and go on talking to them"],
  ["#GROUP TEXT", "send TEXT to a group, and go on talking there"],
  ["TEXT", "send TEXT to whom you talk to"],
  ["/to NAME", "talk to NAME from now on, or to a #GROUP"],
  ["/history [NAME]", "show the last messages with NAME, or with whom you talk to"],
  ...Object.entries(CLIENT_COMMANDS).map(([name, { operands, help }]) => [`${name} ${operands}`, help]),
  ["/help", "show this"],
  ["/quit", "end (Ctrl-D and Ctrl-C do, too)"],
];

/** The columns that the words of a line of help take where there are enough. */
const WORDS_COLUMNS = 23;
/** In a narrower window the help stands below the words. */
const NARROW_COLUMNS = 72;

/** Messages that wait for their answers; more lines are taken when the oldest has its own. */
const MAX_UNANSWERED = 1000;

/** A receiver at the start of a line. */
const RECEIVER = /^(?:@#?|#)[\w.-]+$/;

/** A message as it is shown. */
type Shown = Pick<ChatMessage, "at" | "conversation" | "from" | "seq" | "text" | "to">;

/** What is said and shown in `chorus client`. */
export class Conversation {
  readonly news: News;
  readonly #screen: Screen;
  readonly #user: string;
  readonly #reading = new Reading();
  readonly #sending = new Set<Promise<void>>();
  #client: ChatClient | undefined;
  #peer: string | undefined;
  #server: string | undefined;
  #failures = 0;

  /** @param user Who one is. */
  constructor(screen: Screen, user: string) {
    this.#screen = screen;
    this.#user = user.toLowerCase();
    this.news = new News(screen, this.#user);
  }

  /** The client is there: from now on lines can be taken. */
  start(client: ChatClient): void {
    this.#client = client;
    this.#reading.start(client);
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

  online(server: string, unread: ReadonlyMap<string, number>): void {
    this.#screen.note(
      this.#server === undefined ? `— connected to ${server}` : `— back, on ${server}; nothing was lost`,
    );
    // Later it is known: what came since was shown.
    if (this.#server === undefined) this.news.unread(unread);
    this.#server = server;
  }

  offline(): void {
    this.#screen.note("— connection lost; what you type is sent once it is back");
  }

  closing(reason: string): void {
    if (reason === "draining") this.#screen.note("— the server is leaving; moving to another one");
    else if (reason !== "replaced") this.#screen.note(`— the server closes the connection: ${reason}`);
  }

  /** Shows a message, which then counts as read. Whoever writes first is whom one talks to. */
  show({ at, conversation, from, seq, text, to }: Shown): void {
    const isOwn = from === this.#user;
    const isGroup = to.startsWith("#");
    const time = new Date(at).toTimeString().slice(0, 5);
    const sender = isGroup ? `${to} ${from}` : from;
    this.#screen.show(`${time} ${isOwn ? `you → ${to}` : sender}: ${printable(text)}`);
    if (isOwn) this.news.sent(conversation, seq);
    else this.#reading.shown(conversation, seq);
    if (this.#peer !== undefined || isOwn) return;
    this.#peer = isGroup ? to : from;
    this.#prompt();
  }

  /** Does what a line asks for. Resolves when the next line may be taken. */
  async take(line: string): Promise<"quit" | "go on"> {
    const [word = "", ...rest] = line.trim().split(/\s+/);
    if (word === "/quit") return "quit";
    if (word === "/help") this.#help();
    else if (word === "/to") this.#talkTo(rest[0]);
    else if (word === "/history") await this.#history(rest[0] ?? this.#peer);
    else if (word.startsWith("/")) await this.#command(word, rest);
    else if (word.startsWith("@") || RECEIVER.test(word)) {
      this.#talkTo(word);
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
    await this.#reading.finish();
    await this.#client?.close();
    const isWhole = this.#failures === 0 && (await this.#client?.closed) === "closed";
    return isWhole || this.#screen.isInteractive ? 0 : 1;
  }

  #help(): void {
    const gap = this.#screen.columns < NARROW_COLUMNS ? "\n  " : "";
    for (const [words = "", help = ""] of HELP)
      this.#screen.note(`${gap === "" ? words.padEnd(WORDS_COLUMNS) : words.trim()}${gap}${help}`);
  }

  #talkTo(word: string | undefined): void {
    const name = word?.startsWith("@") ? word.slice(1) : word;
    if (name) this.#peer = name.toLowerCase();
    else this.#problem("say to whom: /to NAME");
    this.#prompt();
  }

  async #command(word: string, words: readonly string[]): Promise<void> {
    const command = Object.hasOwn(CLIENT_COMMANDS, word) ? CLIENT_COMMANDS[word] : undefined;
    if (!command) {
      this.#problem(`${word} is not a command; /help lists them`);
      return;
    }
    if (!this.#client) return;
    try {
      const lines = await command.run(this.#client, words, this.#screen);
      if (!lines) this.#problem(`say it as ${word} ${command.operands}`);
      else for (const line of lines) this.#screen.show(printable(line));
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.#problem(`— ${word}: ${error.message}`);
    }
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

  async #history(word: string | undefined): Promise<void> {
    const name = word?.startsWith("@") ? word.slice(1) : word;
    if (name === undefined) {
      this.#problem("say with whom: /history NAME");
      return;
    }
    try {
      const { messages = [] } = (await this.#client?.history(name, { limit: 20 })) ?? {};
      if (messages.length === 0) this.#screen.note(`— nothing with ${name} yet`);
      for (const message of messages) this.show(message);
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
    const parts = { user: this.#user, peer: this.#peer };
    this.#screen.prompt((columns) => promptText(parts, columns));
  }
}
