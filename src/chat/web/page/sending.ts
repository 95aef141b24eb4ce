import type { ChatClient } from "../../client/chat_client.ts";
import { MAX_TEXT_BYTES } from "../../protocol.ts";
import type { Conversation, Unsent } from "./conversation.ts";
import { wordsOf } from "./friendly.ts";

/** What {@linkcode Sending} tells. */
export interface SendingHandler {
  /** The server has a message. */
  stored(conversation: Conversation): void;
  changed(): void;
}

/** Sends what the user writes. How many may wait for their answers is the client's limit. */
export class Sending {
  readonly #client: ChatClient;
  readonly #handler: SendingHandler;

  constructor(client: ChatClient, handler: SendingHandler) {
    this.#client = client;
    this.#handler = handler;
  }

  /** Sends a message, which its conversation shows as unsent until the answer or the message itself comes. @returns Why not, where it cannot be sent. */
  send(conversation: Conversation, text: string): string | undefined {
    if (new TextEncoder().encode(text).length > MAX_TEXT_BYTES) return "A message has at most 32 KiB.";
    const { id, sent } = this.#client.post(conversation.peer, text);
    const unsent: Unsent = { id, from: this.#client.user, text, error: undefined };
    conversation.unsent.push(unsent);
    this.#handler.changed();
    void sent.then(
      ({ seq, at }) => {
        conversation.add({ seq, id, from: unsent.from, text, at });
        this.#handler.stored(conversation);
        this.#handler.changed();
      },
      (error: unknown) => {
        unsent.error = wordsOf(error);
        this.#handler.changed();
      },
    );
    return undefined;
  }
}
