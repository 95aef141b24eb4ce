import type { ChatClient } from "../../client/chat_client.ts";
import { peerOf } from "../../protocol.ts";
import type { Conversation, Look } from "./conversation.ts";
import type { Conversations } from "./conversations.ts";

/** Messages that one look into history brings. */
const PAGE = 50;

/** What {@linkcode Past} tells. */
export interface PastHandler {
  /** More of a conversation is known. */
  loaded(conversation: Conversation): void;
  failed(error: unknown): void;
  changed(): void;
}

/** Brings what was said before, and with whom. */
export class Past {
  readonly #client: ChatClient;
  readonly #conversations: Conversations;
  readonly #handler: PastHandler;

  constructor(client: ChatClient, conversations: Conversations, handler: PastHandler) {
    this.#client = client;
    this.#conversations = conversations;
    this.#handler = handler;
  }

  /** Loads what is older than what a conversation has. */
  load(conversation: Conversation): void {
    const look = conversation.lookBack();
    if (!look) return;
    this.#handler.changed();
    void this.#ask(conversation, look).then(() => this.#handler.changed());
  }

  /** Takes in the conversations that there are, as many as there is room for. */
  list(): void {
    void this.#askForAll().then(
      () => this.#handler.changed(),
      (error: unknown) => this.#handler.failed(error),
    );
  }

  async #askForAll(): Promise<void> {
    const { user } = this.#client;
    let after: string | undefined;
    do {
      const page = await this.#client.conversations(after === undefined ? {} : { after });
      const listed = page.conversations.map(({ conversation, read }) => ({
        peer: peerOf(conversation, user),
        read,
      }));
      if (!this.#conversations.fill(listed.map(({ peer }) => peer))) return;
      for (const { peer, read } of listed) this.#conversations.with(peer).note(user, { read });
      after = page.more ? page.conversations.at(-1)?.conversation : undefined;
    } while (after !== undefined);
  }

  async #ask(conversation: Conversation, look: Look): Promise<void> {
    const { before } = look;
    const page = { limit: PAGE, ...(before !== undefined && { before }) };
    try {
      const { messages, more, receipts } = await this.#client.history(conversation.peer, page);
      conversation.addOlder(look, messages, more);
      for (const { name, ...progress } of receipts) conversation.note(name, progress);
      this.#handler.loaded(conversation);
    } catch (error) {
      conversation.giveUp(look);
      this.#handler.failed(error);
    }
  }
}
