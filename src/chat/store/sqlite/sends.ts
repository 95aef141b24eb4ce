import type { DatabaseSync, StatementSync } from "node:sqlite";
import { MAX_RECEIPT_MEMBERS, type Outgoing, type ReadResult, type SendResult } from "../contract.ts";
import type { StoreLimits } from "../limits.ts";
import { messageTail } from "../line.ts";
import { Dedupe, type SendKey } from "./dedupe.ts";
import type { Friends } from "./friends.ts";
import type { GroupHeads } from "./group_heads.ts";
import type { Heads, LogHead, UserHead } from "./heads.ts";
import { type Delivered, encodeTail, type Inboxes, type Logged } from "./inboxes.ts";
import { MAX_NUMBER } from "./schema.ts";
import type { Stamps } from "./stamps.ts";

/** What {@linkcode Sends} works with. */
export interface SendParts {
  readonly heads: Heads;
  readonly groupHeads: GroupHeads;
  readonly friends: Friends;
  readonly inboxes: Inboxes;
  readonly stamps: Stamps;
}

/** Appends messages to logs and delivers them, and notes who has read them. */
export class Sends {
  readonly #parts: SendParts;
  readonly #dedupe: Dedupe;
  readonly #maxLogEntries: number;
  readonly #insert: StatementSync;
  readonly #trim: StatementSync;

  constructor(database: DatabaseSync, parts: SendParts, limits: Required<StoreLimits>) {
    this.#parts = parts;
    this.#dedupe = new Dedupe(database, parts.heads, limits);
    this.#maxLogEntries = limits.logEntries;
    this.#insert = database.prepare(
      "INSERT INTO messages (place, stamp, tail) VALUES (?1 << 32 | ?2, ?3, ?4)",
    );
    this.#trim = database.prepare("DELETE FROM messages WHERE place BETWEEN ?1 << 32 AND ?1 << 32 | ?2");
  }

  send(message: Outgoing, delivered: Delivered[]): SendResult {
    const sender = this.#parts.heads.user(message.from);
    if (!sender) return { outcome: "unknown_user" };
    return message.to.startsWith("#")
      ? this.#sendToGroup(message, sender, delivered)
      : this.#sendToUser(message, sender, delivered);
  }

  /** Notes that a user has read a conversation up to `seq`. */
  read(user: string, conversation: string, seq: number): ReadResult {
    const { heads } = this.#parts;
    const log = heads.findLog(conversation);
    const members = this.#membersOf(conversation);
    if (!members) return { outcome: "unknown_group" };
    if (!members.has(user)) return { outcome: "not_member" };
    const head = heads.user(user);
    if (!head || !log) return { outcome: "done", read: 0, told: [] };
    const mark = heads.mark(head, log);
    const read = Math.min(seq, mark.seq);
    if (read <= mark.read) return { outcome: "done", read: mark.read, told: [] };
    heads.setMark(head, log, { ...mark, read });
    return { outcome: "done", read, told: members.size <= MAX_RECEIPT_MEMBERS ? [...members] : [user] };
  }

  /** Removes some of what no repeat of a send needs any more. @returns Whether there may well be more. */
  sweep(now: number): boolean {
    return this.#dedupe.sweep(now);
  }

  #sendToUser(message: Outgoing, sender: UserHead, delivered: Delivered[]): SendResult {
    const { heads, friends } = this.#parts;
    const receiver = heads.user(message.to);
    if (!receiver) return { outcome: "unknown_user" };
    const log = heads.log(message.conversation);
    const key = this.#keyOf(message, sender, log);
    if (friends.isBlocked(log, sender, receiver)) return this.#refuse(key, "blocked");
    const members = sender === receiver ? [sender] : [sender, receiver];
    return this.#store(message, key, members, delivered);
  }

  #sendToGroup(message: Outgoing, sender: UserHead, delivered: Delivered[]): SendResult {
    const { heads, groupHeads } = this.#parts;
    const log = heads.findLog(message.conversation);
    if (!log) return { outcome: "unknown_group" };
    const key = this.#keyOf(message, sender, log);
    const group = groupHeads.find(log);
    if (!group) return this.#refuse(key, "unknown_group");
    if (!group.members.has(sender.name)) return this.#refuse(key, "not_member");
    return this.#store(message, key, heads.users(group.members), delivered);
  }

  #keyOf(message: Outgoing, sender: UserHead, log: LogHead): SendKey {
    const device = this.#parts.heads.sender(sender, message.device, message.at);
    return this.#dedupe.keyOf(message, device, log);
  }

  /** What was stored stays so, even for who has been blocked or has left since. */
  #refuse(key: SendKey, outcome: Exclude<SendResult["outcome"], "stored">): SendResult {
    return this.#dedupe.recall(key) ?? { outcome };
  }

  #store(message: Outgoing, key: SendKey, members: Iterable<UserHead>, delivered: Delivered[]): SendResult {
    const earlier = this.#dedupe.remember(key, key.log.top + 1);
    if (earlier) return earlier;
    const logged = this.#append(message, key.log);
    this.#parts.inboxes.deliver(members, logged, delivered);
    return { outcome: "stored", seq: logged.seq, at: message.at, duplicate: false };
  }

  #append(message: Outgoing, log: LogHead): Logged {
    const seq = log.top + 1;
    if (seq > MAX_NUMBER)
      throw new RangeError(`Cannot add to the log of "${log.name}": it has used up its numbers`);
    const tail = encodeTail(messageTail(message));
    this.#insert.run(log.id, seq, this.#parts.stamps.stamp(), tail.bytes);
    log.top = seq;
    if (seq > this.#maxLogEntries) this.#trim.run(log.id, seq - this.#maxLogEntries);
    return { log, seq, from: message.from, tail };
  }

  /** Undefined when it is of a group that is not, or no more. */
  #membersOf(conversation: string): ReadonlySet<string> | undefined {
    if (!conversation.startsWith("#")) return new Set(conversation.split(":"));
    const log = this.#parts.heads.findLog(conversation);
    return log && this.#parts.groupHeads.find(log)?.members;
  }
}
