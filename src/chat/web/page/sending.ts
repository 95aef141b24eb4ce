import type { ChatClient } from "../../client/chat_client.ts";
import { MAX_TEXT_BYTES } from "../../protocol.ts";
import type { Conversation } from "./conversation.ts";
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
  #lastKey = 0;

  constructor(client: ChatClient, handler: SendingHandler) {
    this.#client = client;
    this.#handler = handler;
  }

  /** Sends a message, which its conversation shows until the answer comes. @returns Why not, where it cannot be sent. */
  send(conversation: Conversation, text: string): string | undefined {
    if (new TextEncoder().encode(text).length > MAX_TEXT_BYTES) return "A message has at most 32 KiB.";
    const unsent = { key: ++this.#lastKey, text, error: undefined as string | undefined };
    conversation.unsent.push(unsent);
    this.#handler.changed();
    void this.#client.send(conversation.peer, text).then(
      ({ seq, at }) => {
        this.discard(conversation, unsent.key);
        conversation.add({ seq, at, text, from: this.#client.user });
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

  /** Takes out a message that was refused, or has its answer. */
  discard({ unsent }: Conversation, key: number): void {
    const index = unsent.findIndex((one) => one.key === key);
    if (index >= 0) unsent.splice(index, 1);
    this.#handler.changed();
  }
}
