import { after } from "node:test";
import type { InboxEntry, Store, StoreLimits } from "../../../src/chat/store/mod.ts";
import { test } from "../../testing.ts";
import { testAccounts } from "./accounts_conformance.ts";
import { testDevices } from "./devices_conformance.ts";
import { testFriends } from "./friends_conformance.ts";
import { testGenerations } from "./generations_conformance.ts";
import { testGroupSends } from "./group_sends_conformance.ts";
import { testGroups } from "./groups_conformance.ts";
import { testInvitations } from "./invitations_conformance.ts";
import { testReads } from "./reads_conformance.ts";
import { testReceipts } from "./receipts_conformance.ts";
import { testRetention } from "./retention_conformance.ts";
import { testRollback } from "./rollback_conformance.ts";
import { testSends } from "./sends_conformance.ts";
import type { Frame } from "./store_steps.ts";
import { testUp } from "./up_conformance.ts";

/** A store with nothing in it, and what hears its hints. Disposing ends both. */
export interface OpenedStore extends AsyncDisposable {
  readonly store: Store;
  /** Resolves with the next `count` hints for a user, as lines, once they have come. Hears only users named to `open`. */
  hints(user: string, count: number): Promise<readonly string[]>;
  /** Everything in a user's inbox, once it has at least `count` entries: a store may deliver after a send was answered. */
  entries(user: string, count: number): Promise<readonly InboxEntry[]>;
  /** The frames of {@linkcode entries}. */
  frames(user: string, count: number): Promise<readonly Frame[]>;
}

/** Opens a store with nothing in it but the accounts in `users`. */
export type OpenStore = (users: readonly string[], limits?: StoreLimits) => Promise<OpenedStore>;

/** A store whose data can go back to what they were, as after a fail-over or when a backup is brought back. */
export interface RollableStore extends OpenedStore {
  /** The store as it is open now: another one after `rollBack`. */
  readonly store: Store;
  /** Remembers the data as they are now. */
  keep(): Promise<void>;
  /** Brings back the data that were kept. */
  rollBack(): Promise<void>;
}

/** A kind of store, with what it runs on. */
export interface StoreKind {
  readonly name: string;
  readonly open: OpenStore;
  /** Absent when it cannot be done with this kind, or is tested elsewhere. */
  readonly openRollable?: (users: readonly string[]) => Promise<RollableStore>;
  /** Ends what all stores of the kind have in common. */
  close(): Promise<void>;
}

/** Tests one promise of {@linkcode Store}. */
export type StorePromise = (name: string, body: () => Promise<void>) => void;

/** Tests that a kind of store keeps every promise of {@linkcode Store}. Once a file: what the kind runs on ends with it. */
export function testStore(kind: StoreKind): void {
  const promise: StorePromise = (name, body) => test(`${kind.name} ${name}`, body);
  testAccounts(promise, kind.open);
  testDevices(promise, kind.open);
  testGenerations(promise, kind.open);
  testSends(promise, kind.open);
  testReads(promise, kind.open);
  testFriends(promise, kind.open);
  testGroups(promise, kind.open);
  testInvitations(promise, kind.open);
  testGroupSends(promise, kind.open);
  testReceipts(promise, kind.open);
  testRetention(promise, kind.open);
  testUp(promise, kind.open);
  if (kind.openRollable) testRollback(promise, kind.openRollable);
  after(() => kind.close());
}
