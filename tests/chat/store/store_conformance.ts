import type { Store, StoreLimits } from "../../../src/chat/store/mod.ts";
import { test } from "../../testing.ts";
import { testAccounts } from "./accounts_conformance.ts";
import { testReads } from "./reads_conformance.ts";
import { testSends } from "./sends_conformance.ts";

/** A store with nothing in it, and what hears its hints. Disposing ends both. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: Store;
  /** Resolves with the next `count` hints for a user, as lines, once they have come. Hears only users named to `open`. */
  hints(user: string, count: number): Promise<readonly string[]>;
}

/** Opens a store with nothing in it but the accounts in `users`. */
export type OpenStore = (users: readonly string[], limits?: StoreLimits) => Promise<OpenedStore>;

/** Tests one promise of {@linkcode Store}. */
export type StorePromise = (name: string, body: () => Promise<void>) => void;

/** Tests that a kind of store keeps every promise of {@linkcode Store}. */
export function testStore(kind: string, open: OpenStore): void {
  const promise: StorePromise = (name, body) => test(`${kind} ${name}`, body);
  testAccounts(promise, open);
  testSends(promise, open);
  testReads(promise, open);
}
