import {
  type ChatClient,
  type ChatClientHandler,
  ChatError,
  type ChatMessage,
  type GroupEvent,
  pairOf,
  peerOf,
  type ReceiptEvent,
} from "../chat/mod.ts";
import { CLIENT_COMMANDS } from "./client_commands.ts";
import { complete } from "./client_completion.ts";
import { COMPLETED_COMMANDS, helpLines } from "./client_help.ts";
import type { PastMessage } from "./client_history.ts";
import { KnownNames } from "./client_names.ts";
import { News } from "./client_news.ts";
import { PastView } from "./client_past.ts";
import { promptText } from "./client_prompt.ts";
import { Reading } from "./client_reading.ts";
import { printable, type Screen } from "./client_screen.ts";
import { Sending } from "./client_sending.ts";
import { Unread } from "./client_unread.ts";

/** A receiver at the start of a line. */
const RECEIVER = /^(?:@#?|#)[\w.-]+$/;

/** What is said and shown in `chorus client`. */
export class Conversation {
  readonly #screen: Screen;
  readonly #user: string;
  readonly #news: News;
  readonly #names = new KnownNames();
  readonly #unread = new Unread();
  readonly #past: PastView;
  readonly #reading = new Reading();
  readonly #sending = new Sending((line) => this.#problem(line));
  #client: ChatClient | undefined;
  #peer: string | undefined;
  #server: string | undefined;
  #failures = 0;

  /** @param user Who one is. */
  constructor(screen: Screen, user: string) {
    this.#screen = screen;
    this.#user = user.toLowerCase();
    this.#news = new News(screen, this.#user);
    this.#past = new PastView({
      screen,
      unread: this.#unread,
      show: (message) => this.#show(message),
      read: (conversation, seq) => this.#reading.shown(conversation, seq),
    });
    const { users, groups } = this.#names;
    screen.completeBy((line) => complete(line, { commands: COMPLETED_COMMANDS, users, groups }));
  }

  /** What is to be done with all that a client tells. */
  handler(): ChatClientHandler {
    return {
      message: (message) => this.#receive(message),
      online: (server, unread, top) => this.#online(server, unread, top),
      offline: () => this.#screen.note("— connection lost; what you type is sent once it is back"),
      closing: (reason) => this.#closing(reason),
      gap: (name, missing) =>
        this.#screen.problem(`— ${missing} messages of ${name} are too old to be shown`),
      resync: () => this.#screen.problem("— some messages are not to be had any more"),
      presence: (event) => this.#news.presence(event),
      friend: (event) => {
        this.#names.add(event.name);
        this.#news.friend(event);
      },
      group: (event) => {
        this.#nameGroup(event);
        this.#news.group(event);
      },
      receipt: (event) => {
        this.#noteRead(event);
        this.#news.receipt(event);
      },
      signal: (event) => this.#news.signal(event),
      announcement: (event) => this.#news.announcement(event),
    };
  }

  /** The client is there: from now on lines can be taken. */
  start(client: ChatClient): void {
    this.#client = client;
    this.#reading.start(client);
    this.#sending.start(client);
    this.#loadNames();
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

  /** Does what a line asks for. Resolves when the next line may be taken. */
  async take(line: string): Promise<"quit" | "go on"> {
    const [word = "", ...rest] = line.trim().split(/\s+/);
    this.#sending.goOn();
    if (word === "/quit") return "quit";
    if (word === "/help") for (const help of helpLines(this.#screen.columns)) this.#screen.note(help);
    else if (word === "/to") await this.#address(rest[0] ?? "", "");
    else if (word === "/history")
      await this.#lookBack((client) => this.#past.newest(client, rest, this.#peer));
    else if (word === "/older") await this.#lookBack((client) => this.#past.older(client, rest));
    else if (word.startsWith("/")) await this.#command(word, rest);
    else if (word.startsWith("@") || RECEIVER.test(word))
      await this.#address(word, line.trim().slice(word.length).trim());
    else await this.#send(line.trim());
    return "go on";
  }

  /** No line will come any more: where nobody sits before the screen, answers may from now on be away no longer than that. */
  hurry(limitMs: number): void {
    if (!this.#screen.isInteractive) this.#sending.hurry(limitMs);
  }

  /**
   * Waits for the answers to what was sent, then ends.
   *
   * @returns The exit code: 1 when nobody sits before the screen and something went wrong, or the server ended it.
   */
  async finish(): Promise<number> {
    await this.#sending.answered();
    await this.#reading.finish();
    this.#sending.finish();
    await this.#client?.close();
    const isWhole = this.#failures === 0 && (await this.#client?.closed) === "closed";
    return isWhole || this.#screen.isInteractive ? 0 : 1;
  }

  #online(server: string, unread: ReadonlyMap<string, number>, top: number): void {
    this.#screen.note(
      this.#server === undefined ? `— connected to ${server}` : `— back, on ${server}; nothing was lost`,
    );
    const counts = new Map(Array.from(unread, ([name, count]) => [peerOf(name, this.#user), count]));
    this.#unread.login(counts, top);
    // Later the prompt tells it.
    if (this.#server === undefined) this.#news.unread(counts);
    this.#server = server;
    for (const peer of counts.keys()) this.#names.add(peer);
    this.#prompt();
    this.#loadNames();
  }

  #closing(reason: string): void {
    if (reason === "draining") this.#screen.note("— the server is leaving; moving to another one");
    else if (reason !== "replaced") this.#screen.note(`— the server closes the connection: ${reason}`);
  }

  /** Shows a message. Whoever writes first is whom one talks to. */
  #receive(message: ChatMessage): void {
    const { conversation, from, seq } = message;
    const peer = peerOf(conversation, this.#user);
    this.#names.add(peer);
    this.#show(message);
    if (from === this.#user) return;
    this.#peer ??= peer;
    const isRead = this.#unread.arrived(peer, message, peer === this.#peer);
    // Whoever is not there to turn to a conversation has read what was written out.
    if (!this.#screen.isInteractive) this.#unread.clear(peer);
    if (isRead || !this.#screen.isInteractive) this.#reading.shown(conversation, seq);
    this.#prompt();
  }

  #show({ at, conversation, from, seq, text, to }: PastMessage): void {
    const isOwn = from === this.#user;
    const time = new Date(at).toTimeString().slice(0, 5);
    const sender = to.startsWith("#") ? `${to} ${from}` : from;
    this.#screen.show(`${time} ${isOwn ? `you → ${to}` : sender}: ${printable(text)}`);
    if (isOwn) this.#news.sent(conversation, seq);
  }

  /** The user has read something, here or on another device. */
  #noteRead({ conversation, name, read }: ReceiptEvent): void {
    if (name !== this.#user || read === undefined) return;
    this.#unread.read(peerOf(conversation, this.#user), read);
    this.#prompt();
  }

  /** Nobody presses Tab where nobody sits. */
  #loadNames(): void {
    // Not waited for: one chats all the same.
    if (this.#client && this.#screen.isInteractive) void this.#names.load(this.#client);
  }

  #nameGroup({ group, name, event }: GroupEvent): void {
    const isSelf = name === this.#user;
    if (event === "deleted" || (isSelf && (event === "left" || event === "removed")))
      this.#names.remove(group);
    else this.#names.add(group);
    if (!isSelf) this.#names.add(name);
  }

  /** @returns Whether the word names somebody. */
  #talkTo(word: string): boolean {
    const peer = (word.startsWith("@") ? word.slice(1) : word).toLowerCase();
    if (peer === "") {
      this.#problem("say to whom: /to NAME");
      return false;
    }
    this.#peer = peer;
    const seq = this.#unread.open(peer);
    if (seq !== undefined) this.#reading.shown(this.#conversationWith(peer), seq);
    this.#prompt();
    return true;
  }

  /** Turns to somebody, or a group, and says something, or looks at what they have said. */
  async #address(word: string, text: string): Promise<void> {
    if (!this.#talkTo(word)) return;
    if (text === "") await this.#showUnread();
    else await this.#send(text);
  }

  /** Shows what is unread with whom one talks to, where it was not shown yet. */
  async #showUnread(): Promise<void> {
    const peer = this.#peer;
    if (!this.#screen.isInteractive || peer === undefined || this.#unread.of(peer) === 0) return;
    await this.#lookBack((client) => this.#past.newest(client, [], peer));
  }

  #conversationWith(peer: string): string {
    return peer.startsWith("#") ? peer : pairOf(this.#user, peer);
  }

  async #command(word: string, words: readonly string[]): Promise<void> {
    const command = Object.hasOwn(CLIENT_COMMANDS, word) ? CLIENT_COMMANDS[word] : undefined;
    if (!command) {
      this.#problem(`${word} is not a command; /help lists them`);
      return;
    }
    await this.#answered();
    const client = this.#client;
    if (!client) return;
    const parts = { screen: this.#screen, unread: this.#unread };
    try {
      const ask = () => command.run(client, words, parts);
      // Whoever sits before the screen is told, and decides.
      const lines = await (this.#screen.isInteractive ? ask() : this.#sending.askPatiently(ask));
      if (!lines) this.#problem(`say it as ${word} ${command.operands}`);
      else for (const line of lines) this.#screen.show(printable(line));
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.#problem(`— ${word}: ${error.message}`);
    }
  }

  /** Lines are done in their order. Whoever sits before the screen sees what has no answer yet, and need not wait for it. */
  async #answered(): Promise<void> {
    if (!this.#screen.isInteractive) await this.#sending.answered();
  }

  async #send(text: string): Promise<void> {
    if (text === "" || !this.#client) return;
    const to = this.#peer;
    if (to === undefined) {
      this.#problem("say to whom: @NAME TEXT");
      return;
    }
    await this.#sending.send(to, text);
  }

  async #lookBack(look: (client: ChatClient) => Promise<string | undefined>): Promise<void> {
    await this.#answered();
    if (!this.#client) return;
    try {
      const problem = await look(this.#client);
      if (problem !== undefined) this.#problem(problem);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.#problem(`— no history: ${error.message}`);
    }
    this.#prompt();
  }

  /** Shows what went wrong; for whoever is not there to read it, it counts in the exit code. */
  #problem(line: string): void {
    this.#failures += 1;
    this.#screen.problem(line);
  }

  #prompt(): void {
    const parts = { user: this.#user, peer: this.#peer, unread: this.#unread.counts };
    this.#screen.prompt((columns) => promptText(parts, columns));
  }
}
