import { statSync } from "node:fs";
import { StoreError } from "../contract.ts";

/**
 * Whether files that this process holds open are still where the next start looks for them.
 *
 * The system lets one write to a file that was removed, for as long as it is open: all of it is gone with the process.
 */
export class InPlace {
  readonly #files: readonly (readonly [path: string, id: string | undefined])[];

  /** Takes what is there now for what is to be there. */
  constructor(paths: readonly string[]) {
    this.#files = paths.map((path) => [path, idOf(path)]);
  }

  /** @throws {StoreError} `unavailable` when one of them was taken away, or another one is in its place. */
  check(): void {
    for (const [path, id] of this.#files) {
      if (idOf(path) === id) continue;
      throw new StoreError(
        "unavailable",
        `"${path}" was taken away or exchanged, and what is written would not be found by the next start: put it back, or start again`,
      );
    }
  }
}

/** What tells a file from one that was made later under its name; undefined: there is none. */
function idOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.dev} ${found.ino}`;
}
