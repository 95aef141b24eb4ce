import { readHint } from "../../../src/chat/store/mod.ts";

/** Collects the lines of the hints for each user and lets a test wait for them. */
export class HintCollector {
  readonly #lines = new Map<string, string[]>();
  #changed = Promise.withResolvers<void>();

  /** Takes a hint. */
  add(user: string, payload: Uint8Array): void {
    const text = new TextDecoder().decode(readHint(payload)?.line ?? payload);
    const lines = this.#lines.get(user);
    if (lines) lines.push(text);
    else this.#lines.set(user, [text]);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** Resolves when the next hint comes; the test's own limit is the deadline. */
  next(): Promise<void> {
    return this.#changed.promise;
  }

  /** Resolves with the lines of the next `count` hints for a user once they have come; the test's own limit is the deadline. */
  async take(user: string, count: number): Promise<readonly string[]> {
    for (;;) {
      const lines = this.#lines.get(user) ?? [];
      if (lines.length >= count) return lines.splice(0, count);
      await this.#changed.promise;
    }
  }
}
