import type { ChatClient } from "../chat/mod.ts";
import { olderCountOf, type Page, Past, type PastMessage, wantedOf } from "./client_history.ts";
import type { Screen } from "./client_screen.ts";
import type { Unread } from "./client_unread.ts";

/** Options for a {@linkcode PastView}. */
export interface PastOptions {
  readonly screen: Screen;
  readonly unread: Unread;
  show(message: PastMessage): void;
  /** The user has read a conversation up to number `seq`. */
  read(conversation: string, seq: number): void;
}

/** Shows what was said before, by pages. */
export class PastView {
  readonly #options: PastOptions;
  readonly #past = new Past();

  constructor(options: PastOptions) {
    this.#options = options;
  }

  /**
   * Shows the newest messages of a conversation, which is read by that.
   *
   * @param words What stands behind `/history`.
   * @param peer Whom one talks to.
   * @returns What is wrong with the words.
   * @throws {ChatError}
   */
  async newest(
    client: ChatClient,
    words: readonly string[],
    peer: string | undefined,
  ): Promise<string | undefined> {
    const { screen, unread, read } = this.#options;
    const wanted = wantedOf(words, peer, (name) => unread.of(name));
    if (typeof wanted === "string") return wanted;
    const page = await this.#past.newest(client, wanted);
    this.#show(page);
    const last = page.messages.at(-1);
    if (last) read(last.conversation, last.seq);
    else screen.note(`— nothing with ${page.peer} yet`);
    unread.clear(page.peer);
    return undefined;
  }

  /**
   * Shows what was before the messages that were shown last.
   *
   * @param words What stands behind `/older`.
   * @returns What is wrong with the words.
   * @throws {ChatError}
   */
  async older(client: ChatClient, words: readonly string[]): Promise<string | undefined> {
    const count = olderCountOf(words);
    if (typeof count === "string") return count;
    if (!this.#past.isOpen) return "say first with whom: /history NAME";
    const page = await this.#past.older(client, count);
    this.#show(page);
    if (page.messages.length === 0) this.#options.screen.note(`— nothing older with ${page.peer}`);
    return undefined;
  }

  #show({ messages, more }: Page): void {
    const { screen, show } = this.#options;
    let day = new Date().toDateString();
    for (const message of messages) {
      const its = new Date(message.at).toDateString();
      // Where lines of the program go elsewhere than messages, they would tell nothing.
      if (its !== day && screen.isInteractive) screen.note(`— ${its}`);
      day = its;
      show(message);
    }
    if (more) screen.note("— /older shows what was before");
  }
}
