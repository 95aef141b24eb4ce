import { type InboxFinding, type InboxPlace, MAX_PLACES } from "../account.ts";
import { type Store, StoreError } from "../contract.ts";
import { openForReading } from "./database.ts";
import { toStoreError } from "./error.ts";
import { LogReader } from "./log_reader.ts";
import { Reader } from "./reader.ts";
import { SocialReader } from "./social_reader.ts";
import type { Writer } from "./write.ts";
import { writing } from "./writing.ts";

/** Options for {@linkcode sqliteStore}. */
export interface SqliteStoreOptions {
  /** The data folder that the writer holds. */
  dir: string;
  /** Who writes: this process, or its parent. Stays the caller's, who closes it after the store. */
  writer: Writer;
}

/** Opens it; {@linkcode sqliteStore} of `open.ts` says what it does. */
export async function sqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { dir, writer } = options;
  const database = openForReading(dir);
  const reader = new Reader(database);
  const logs = new LogReader(database);
  const social = new SocialReader(database);
  const read = <T>(body: () => T): Promise<T> => attempt(`read from data folder "${dir}"`, body);
  /** Reads what writes of messages change. */
  const readStored = <T>(body: () => T): Promise<T> => writer.flush().then(() => read(body));
  const { checkPlace, ...writes } = writing(async (op) => {
    const [result] = await writer.write([op]);
    if (!result) throw new StoreError("unavailable", "Cannot write to the store: the writer did not answer");
    return result;
  });
  let isOpen = true;

  async function inboxStates(places: readonly InboxPlace[]): Promise<readonly InboxFinding[]> {
    if (places.length > MAX_PLACES) {
      throw new RangeError(
        `Cannot look at inboxes: at most ${MAX_PLACES} at once, received ${places.length}`,
      );
    }
    const findings = await readStored(() => places.map((place) => reader.finding(place)));
    return await Promise.all(
      places.map((place, index) => {
        const finding = findings[index];
        return finding && !finding.isRolledBack ? finding : checkPlace(place);
      }),
    );
  }

  return {
    durable: writer.durable,
    get isUp() {
      return isOpen && writer.isUp;
    },
    setAside: 0,
    ...writes,
    findUser: (name) => read(() => reader.user(name)),
    findToken: (hash, now) => read(() => reader.token(hash, now)),
    inboxState: (user) => readStored(() => reader.state(user)),
    inboxStates,
    readInbox: (user, after, limits) => readStored(() => reader.inbox(user, after, limits)),
    readLog: (user, conversation, before, limits) =>
      readStored(() => logs.log(user, conversation, before, limits)),
    receipts: (conversation) => readStored(() => logs.receipts(conversation)),
    unread: (user) => readStored(() => logs.unread(user)),
    conversations: (user, after, limit) => readStored(() => logs.conversations(user, after, limit)),
    friends: (user) => read(() => social.friends(user)),
    mayWrite: (from, to) => read(() => social.mayWrite(from, to)),
    groups: (user, after, limit) => read(() => social.groups(user, after, limit)),
    groupMembers: (group, by, after, limit) => readStored(() => social.members(group, by, after, limit)),
    memberNames: (group, by) => read(() => social.names(group, by)),
    async [Symbol.asyncDispose]() {
      if (isOpen) database.close();
      isOpen = false;
    },
  };
}

async function attempt<T>(action: string, body: () => T): Promise<T> {
  try {
    return body();
  } catch (cause) {
    throw toStoreError(cause, action);
  }
}
