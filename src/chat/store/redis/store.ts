import { type Clock, systemClock } from "../../../async/mod.ts";
import {
  channelPrefix,
  connectKeyspace,
  type KeyspaceOptions,
  type RedisKeyspace,
} from "../../../redis/mod.ts";
import type { Durability, Store, StoreErrorHandler } from "../contract.ts";
import { type StoreLimits, withDefaults } from "../limits.ts";
import { accountPart } from "./account_store.ts";
import { Background } from "./background.ts";
import type { RedisStoreContext } from "./context.ts";
import { Deliveries } from "./deliveries.ts";
import { checkDurability, confirmOnce, staysDurable, type Wait } from "./durability.ts";
import { toStoreError } from "./error.ts";
import { Friends } from "./friends.ts";
import { GroupChanges } from "./group_changes.ts";
import { Groups } from "./groups.ts";
import { keysOf } from "./keys.ts";
import { KnownNames } from "./known_names.ts";
import type { OwedWork } from "./owed.ts";
import { Reader } from "./reader.ts";
import { Receipts } from "./receipts.ts";
import { Sender } from "./sender.ts";
import { Sweeper } from "./sweeper.ts";

/** Options for {@linkcode redisStore}. */
export interface RedisStoreOptions {
  /** As {@linkcode connectKeyspace} takes it: one server, Sentinel, or a Cluster. */
  url: string;
  /** What every key and channel begins with. @default {"chorus:"} */
  prefix?: string;
  /** What a write waits for. @default {"memory"} */
  durable?: Durability;
  /** The longest that a batch of writes, or a read, may take, in milliseconds; then it is `unavailable`. @default {5000} */
  deadlineMs?: number;
  /** Bounds of what is kept. */
  limits?: StoreLimits;
  /** Told when a connection is lost or cannot be made again, and what could not be delivered. */
  onError: StoreErrorHandler;
  /** As {@linkcode connectKeyspace} takes it: aborted when the process is about to end. @default {never} */
  ending?: AbortSignal | undefined;
  /** What time it is. @default {systemClock} */
  clock?: Clock;
}

/** How a store does its work; for tests of that. */
export interface RedisStoreWays {
  /** Everything by steps that each touch one partition, as on a Cluster. @default {what the keyspace needs} */
  readonly isSplit?: boolean;
  /** Awaited before what was appended is delivered. */
  readonly hold?: () => Promise<void>;
}

/** Opens the store; {@linkcode redisStore} of `open.ts` says what it does. */
export async function redisStore(options: RedisStoreOptions, ways: RedisStoreWays = {}): Promise<Store> {
  try {
    await using opened = new AsyncDisposableStack();
    const store = makeStore(options, ways, await connectAll(options, opened));
    opened.move();
    return store;
  } catch (cause) {
    throw toStoreError(cause, "open the store");
  }
}

function connectOnce(
  { url, deadlineMs = 5000, clock = systemClock, ending, onError }: RedisStoreOptions,
  check?: KeyspaceOptions["check"],
): Promise<RedisKeyspace> {
  return connectKeyspace(url, {
    deadlineMs,
    clock,
    ending,
    check,
    onError: (error) => onError(error, { during: "connection" }),
  });
}

/** One for writing, one for reading, at the same time. What was connected belongs to `opened`, also when the other one fails. */
async function connectTwice(
  options: RedisStoreOptions,
  opened: AsyncDisposableStack,
  check: KeyspaceOptions["check"],
): Promise<readonly [RedisKeyspace, RedisKeyspace]> {
  const connect = async (how?: typeof check): Promise<RedisKeyspace> =>
    opened.use(await connectOnce(options, how));
  const connecting = [connect(check), connect()] as const;
  await Promise.allSettled(connecting);
  return await Promise.all(connecting);
}

interface Connections {
  readonly keyspace: RedisKeyspace;
  readonly reads: RedisKeyspace;
  /** How to wait for a disk or a replica, and through what; absent where that is not asked for. */
  readonly waiting: { readonly wait: Wait; readonly waits: RedisKeyspace } | undefined;
}

/** What was connected belongs to `opened`, also when the rest fails. */
async function connectAll(options: RedisStoreOptions, opened: AsyncDisposableStack): Promise<Connections> {
  const { durable = "memory" } = options;
  // At the start a server that will not do is an error, not a connection that is lost.
  let check: KeyspaceOptions["check"];
  const [keyspace, reads] = await connectTwice(options, opened, async (command) => await check?.(command));
  const wait = await checkDurability(keyspace, durable);
  check = staysDurable(durable, wait, keyspace.shownUrl);
  const waiting = wait && { wait, waits: opened.use(await connectOnce(options)) };
  return { keyspace, reads, waiting };
}

function makeStore(options: RedisStoreOptions, ways: RedisStoreWays, connections: Connections): Store {
  const { prefix = "chorus:", durable = "memory", deadlineMs = 5000, clock = systemClock, onError } = options;
  const { keyspace, reads, waiting } = connections;
  const keys = keysOf(prefix, channelPrefix(options.url, prefix));
  const confirm = waiting && confirmOnce(waiting.wait, { ...waiting, keyspace, keys, deadlineMs });
  const context: RedisStoreContext = {
    keyspace,
    reads,
    confirm: confirm ?? (async () => undefined),
    isConfirmed: confirm !== undefined,
    isSplit: ways.isSplit ?? keyspace.kind === "cluster",
    keys,
    limits: withDefaults(options.limits),
    deadlineMs,
    clock,
    onError,
    bringUp: (conversation, users) => deliveries.bringUp(conversation, users),
  };
  const names = new KnownNames(context);
  const background = new Background(context);
  const deliveries = new Deliveries(context, { background, names, hold: ways.hold });
  const accounts = accountPart(context);
  const friends = new Friends(context, names, background);
  const changes = new GroupChanges(context, { background, deliveries, friends });
  const groups = new Groups(context, changes);
  const sender = new Sender(context, deliveries, names);
  const sweeper = new Sweeper(context, (work) => settle(work, { deliveries, changes, friends }));
  return {
    durable,
    get isUp() {
      return keyspace.isUp && reads.isUp && (waiting?.waits.isUp ?? true);
    },
    get setAside() {
      return sweeper.setAside;
    },
    ...accounts,
    ...readingPart(context),
    send: (message) => sender.send(message),
    changeFriend: (user, action, other) => friends.changeFriend(user, action, other),
    friends: (user) => friends.friends(user),
    mayWrite: (from, to) => friends.mayWrite(from, to),
    changeGroup: (group, by, change) => groups.changeGroup(group, by, change),
    groups: (user, after, limit) => groups.groups(user, after, limit),
    groupMembers: (group, by, after, limit) => groups.groupMembers(group, by, after, limit),
    memberNames: (group, by) => groups.memberNames(group, by),
    async [Symbol.asyncDispose]() {
      await sweeper.close();
      await Promise.all([sender.close(), accounts[Symbol.asyncDispose]()]);
      await deliveries.close();
      await Promise.all([keyspace, reads, waiting?.waits].map((each) => each?.close()));
    },
  };
}

function readingPart(
  context: RedisStoreContext,
): Pick<Store, "readInbox" | "readLog" | "markRead" | "receipts" | "unread" | "conversations"> {
  const reader = new Reader(context);
  const receipts = new Receipts(context);
  return {
    readInbox: (user, after, limits) => reader.inbox(user, after, limits),
    readLog: (user, conversation, before, limits) => reader.log(user, conversation, before, limits),
    markRead: (user, conversation, seq) => receipts.markRead(user, conversation, seq),
    receipts: (conversation) => receipts.receipts(conversation),
    unread: (user) => receipts.unread(user),
    conversations: (user, after, limit) => receipts.conversations(user, after, limit),
  };
}

interface Settling {
  readonly deliveries: Deliveries;
  readonly changes: GroupChanges;
  readonly friends: Friends;
}

function settle(work: OwedWork, { deliveries, changes, friends }: Settling): Promise<void> {
  switch (work.type) {
    case "delivery":
      return deliveries.bringUp(work.conversation);
    case "group":
      return changes.settle(work.group);
    case "friends":
      return friends.settle(work.conversation);
  }
}
