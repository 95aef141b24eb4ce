import { ChatClient } from "../../client/chat_client.ts";
import type { ChatClientHandler } from "../../client/options.ts";
import type { ChatMessage } from "../../client/reader.ts";
import { pairOf, peerOf } from "../../protocol.ts";
import type { Conversation, Unsent } from "./conversation.ts";
import { Conversations } from "./conversations.ts";
import type { DeskOptions, Link } from "./desk_options.ts";
import { wordsOf } from "./friendly.ts";
import { Past } from "./past.ts";
import { People } from "./people.ts";
import { Sending } from "./sending.ts";

/** Messages without an answer; one more is refused. */
const MAX_UNSENT = 1000;

/** Logs in. @throws {ChatError} When the login is refused. */
export async function openDesk(options: DeskOptions): Promise<Desk> {
  const desk = new Desk(options);
  await desk.opened;
  return desk;
}

/** A user's place at the chat: what the server has told, and all that one can do. */
export class Desk {
  readonly conversations: Conversations = new Conversations();
  link: Link = { name: "offline" };
  /** What an operator has told everybody. */
  announcement = "";
  /** The last thing that could not be done. */
  problem = "";
  /** Friends, groups, and who is in the one that is looked at. */
  readonly people: People;
  /** Settles with the first login. */
  readonly opened: Promise<void>;
  readonly #options: DeskOptions;
  readonly #client: ChatClient;
  #open: Conversation | undefined;
  /** Whether somebody looks at the end of the open conversation. */
  #isSeen = false;
  #lastServer = "";
  readonly #sending: Sending;
  readonly #past: Past;

  /** Use {@linkcode openDesk}, which waits for the login. */
  constructor(options: DeskOptions) {
    const { dial, credentials, device, onEnd } = options;
    this.#options = options;
    this.people = new People({
      listed: () => this.#listed(),
      membersListed: (group, members) => {
        if (members.length > 0) this.conversations.with(group).setMembers(members);
        this.#changed();
      },
      failed: (error) => this.#failed(error),
    });
    this.#client = new ChatClient({
      dial,
      credentials,
      device,
      handler: this.#handler(),
      maxUnsent: MAX_UNSENT,
    });
    this.#sending = new Sending(this.#client, {
      stored: (conversation) => this.#read(conversation),
      changed: () => this.#changed(),
    });
    this.#past = new Past(this.#client, this.conversations, {
      loaded: (conversation) => {
        if (conversation === this.#open && this.#isSeen) this.#read(conversation);
      },
      failed: (error) => this.#failed(error),
      changed: () => this.#changed(),
    });
    this.opened = this.#client.firstLogin;
    // Neither rejects: who waits for the login hears of its end.
    void this.opened.then(
      () => this.#client.closed.then((end) => onEnd(end, this.token)),
      () => undefined,
    );
  }

  get user(): string {
    return this.#client.user;
  }

  get token(): string | undefined {
    return this.#client.token;
  }

  /** The conversation that is looked at. */
  get open(): Conversation | undefined {
    return this.#open;
  }

  /** Looks at another conversation, or at none. */
  look(peer: string | undefined): void {
    this.#open?.rest();
    this.#open = peer === undefined ? undefined : this.conversations.with(peer);
    this.#open?.wake();
    this.#isSeen = false;
    this.problem = "";
    this.#loadOpen();
    if (peer?.startsWith("#")) this.people.look(this.#client, peer);
    this.#changed();
  }

  /** Looks at the conversation with somebody, or of a group; a new one only once the server says that it can be. @returns Whether it does. */
  async talk(peer: string): Promise<boolean> {
    const ask = async (client: ChatClient) => void (await client.history(peer, { limit: 1 }));
    if (!this.conversations.has(peer) && !(await this.act(ask))) return false;
    this.look(peer);
    return true;
  }

  /** Says whether the newest message of the open conversation is before somebody's eyes. */
  see(isSeen: boolean): void {
    this.#isSeen = isSeen;
    if (isSeen && this.#open) this.#read(this.#open);
  }

  /** Loads what is older than what is shown. */
  loadOlder(conversation: Conversation): void {
    this.#past.load(conversation);
  }

  /** Sends a message; it is shown until its answer comes, whatever becomes of the connection. @returns Why not, where it cannot be sent. */
  send(conversation: Conversation, text: string): string | undefined {
    return this.#sending.send(conversation, text);
  }

  /** Takes out a message that was refused. */
  discard(conversation: Conversation, unsent: Unsent): void {
    conversation.discard(unsent);
    this.#changed();
  }

  /** Does something with friends or groups, and shows what became of it. @returns Whether it was done. */
  async act(work: (client: ChatClient) => Promise<void>): Promise<boolean> {
    this.problem = "";
    this.problem = (await this.attempt(work)) ?? "";
    this.#changed();
    return this.problem === "";
  }

  /** Does something. @returns Why it was not done, to be said where it was asked for. */
  async attempt(
    work: (client: ChatClient) => Promise<void>,
    words: (error: unknown) => string = wordsOf,
  ): Promise<string | undefined> {
    try {
      await work(this.#client);
    } catch (error) {
      return words(error);
    }
    this.#refresh();
    return undefined;
  }

  /** Tells whoever does not look. */
  say(words: string): void {
    this.#options.onSpoken(words);
  }

  /** Takes a group out that the user is not in any more. */
  drop(group: string): void {
    if (this.#open?.peer === group) this.look(undefined);
    this.conversations.remove(group);
    this.#changed();
  }

  /** Ends the login. */
  async leave(): Promise<void> {
    const client = this.#client;
    // Without a connection the token stays good until it is over; this page forgets it.
    await client.logout().catch(() => client.close());
  }

  #handler(): ChatClientHandler {
    return {
      online: (server, unread, top) => this.#online(server, unread, top),
      offline: () => this.#become({ name: "offline" }, "The connection is lost. Connecting again."),
      closing: (reason) => {
        if (this.link.name === "online") this.#become({ ...this.link, name: "leaving", reason });
      },
      message: (message) => this.#receive(message),
      gap: (conversation) => this.#forget((peer) => peer === this.#peerOf(conversation)),
      resync: (_, top) => {
        this.conversations.counted = top;
        this.#forget(() => true);
      },
      presence: ({ name, online }) => {
        this.people.note(name, online);
        this.#changed();
      },
      friend: () => this.#refresh(),
      group: ({ group, name, event }) => {
        if (event === "left" || event === "removed") this.conversations.left(group, name);
        this.people.noteGroup(this.#client, group);
        this.#refresh();
      },
      receipt: ({ conversation, name, delivered, read }) => {
        const found = this.conversations.with(this.#peerOf(conversation));
        found.note(name, { delivered, read });
        if (name === this.#client.user && read !== undefined) found.markRead(read, name);
        this.#changed();
      },
      announcement: ({ text }) => {
        this.announcement = text;
        this.#options.onSpoken(text);
        this.#changed();
      },
    };
  }

  #online(server: string, unread: ReadonlyMap<string, number>, top: number): void {
    const isMove = this.#lastServer !== "" && this.#lastServer !== server;
    this.#lastServer = server;
    const words = isMove
      ? `Connected to another server, ${server}. Nothing is lost.`
      : `Connected to ${server}.`;
    this.#become({ name: "online", server }, words);
    const counts = Array.from(unread, ([name, count]) => [this.#peerOf(name), count] as const);
    this.conversations.setUnread(new Map(counts), top);
    // It tells of a connection that is no more.
    this.problem = "";
    this.#loadOpen();
    this.#past.list();
    this.#refresh();
  }

  #loadOpen(): void {
    if (this.#open?.history === "unknown") this.loadOlder(this.#open);
  }

  #peerOf(conversation: string): string {
    return peerOf(conversation, this.user);
  }

  #become(link: Link, words?: string): void {
    this.link = link;
    if (words !== undefined) this.#options.onSpoken(words);
    this.#changed();
  }

  #receive({ conversation: name, seq, id, from, text, at, inbox }: ChatMessage): void {
    const conversation = this.conversations.with(this.#peerOf(name));
    const isNew = conversation.add({ seq, id, from, text, at });
    const isOwn = from === this.user;
    // Of what came before the login the server has counted what is unread.
    if (isOwn && inbox > this.conversations.counted) conversation.markRead(seq, from);
    if (!isNew || isOwn) {
      this.#changed();
      return;
    }
    if (inbox > this.conversations.counted) conversation.unread += 1;
    if (conversation === this.#open && this.#isSeen) this.#read(conversation);
    this.#options.onSpoken(`${from}: ${text.slice(0, 300)}`);
    this.#changed();
  }

  /** The user has seen all that there is. */
  #read(conversation: Conversation): void {
    const { last } = conversation;
    const known = conversation.progress.get(this.user)?.read ?? 0;
    if (!last || (last.seq <= known && conversation.unread === 0)) return;
    conversation.markRead(last.seq, this.user);
    const { peer } = conversation;
    const name = peer.startsWith("#") ? peer : pairOf(this.user, peer);
    // Told again with the next one, or by the next page: nothing depends on it.
    this.#client.read(name, last.seq).catch(() => undefined);
    this.#changed();
  }

  #forget(isMeant: (peer: string) => boolean): void {
    for (const conversation of this.conversations.list())
      if (isMeant(conversation.peer)) conversation.forget();
    this.#loadOpen();
    this.#changed();
  }

  /** Asks for friends and groups: what came of them while there was no connection was told to nobody. */
  #refresh(): void {
    this.people.list(this.#client);
  }

  #listed(): void {
    for (const { name, state } of this.people.friends) if (state === "friend") this.conversations.with(name);
    for (const { group, state } of this.people.groups) if (state === "member") this.conversations.with(group);
    this.#changed();
  }

  #failed(error: unknown): void {
    this.problem = wordsOf(error);
    this.#changed();
  }

  #changed(): void {
    this.#options.onChange();
  }
}
