import type { ChatClient } from "../../client/chat_client.ts";
import type { Conversation } from "./conversation.ts";

/** Messages that one look into history brings. */
const PAGE = 50;

/** What {@linkcode Past} tells. */
export interface PastHandler {
  /** More of a conversation is known. */
  loaded(conversation: Conversation): void;
  failed(error: unknown): void;
  changed(): void;
}

/** Brings what was said before. */
export class Past {
  readonly #client: ChatClient;
  readonly #handler: PastHandler;

  constructor(client: ChatClient, handler: PastHandler) {
    this.#client = client;
    this.#handler = handler;
  }

  /** Loads what is older than what a conversation has. */
  load(conversation: Conversation): void {
    if (!conversation.hasOlder) return;
    const before = conversation.lines[0]?.seq;
    const was = conversation.history;
    conversation.history = "loading";
    this.#handler.changed();
    void this.#ask(conversation, before).then((isDone) => {
      if (!isDone) conversation.history = was;
      this.#handler.changed();
    });
  }

  async #ask(conversation: Conversation, before: number | undefined): Promise<boolean> {
    const page = { limit: PAGE, ...(before !== undefined && { before }) };
    try {
      const { messages, more, receipts } = await this.#client.history(conversation.peer, page);
      conversation.addOlder(messages, more);
      for (const { name, ...progress } of receipts) conversation.note(name, progress);
      this.#handler.loaded(conversation);
      return true;
    } catch (error) {
      this.#handler.failed(error);
      return false;
    }
  }
}
