import { withDeadline } from "../../../src/async/mod.ts";

/** Who was reported as gone, in order. */
export class GoneLog {
  readonly names: string[] = [];
  #told = Promise.withResolvers<void>();

  readonly onGone = (users: readonly string[]): void => {
    this.names.push(...users);
    this.#told.resolve();
    this.#told = Promise.withResolvers();
  };

  /** Resolves when a user has been reported, at once when it has been before. */
  async told(user: string): Promise<void> {
    while (!this.names.includes(user)) await withDeadline(this.#told.promise, 25_000, `hear of ${user}`);
  }
}
