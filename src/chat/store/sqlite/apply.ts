import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Outgoing, SendResult } from "../contract.ts";
import type { StoreLimits } from "../limits.ts";
import { messageTail, randomStamp } from "../line.ts";
import type { WriteOp, WriteResult } from "../write.ts";
import { Accounts } from "./accounts.ts";
import { Dedupe } from "./dedupe.ts";
import { Heads, type LogHead } from "./heads.ts";
import { type Delivered, encodeTail, Inboxes, type Logged, type Tail } from "./inboxes.ts";
import { MAX_NUMBER } from "./schema.ts";

const DONE: WriteResult = { type: "done" };

/** Carries out single writes within a transaction that somebody else holds. */
export class Applier {
  readonly #heads: Heads;
  readonly #accounts: Accounts;
  readonly #dedupe: Dedupe;
  readonly #inboxes: Inboxes;
  readonly #maxLogEntries: number;
  readonly #insertMessage: StatementSync;
  readonly #trimLog: StatementSync;

  constructor(database: DatabaseSync, limits: Required<StoreLimits>) {
    this.#heads = new Heads(database);
    this.#accounts = new Accounts(database, this.#heads, limits);
    this.#dedupe = new Dedupe(database, this.#heads, limits);
    this.#inboxes = new Inboxes(database, this.#heads, limits);
    this.#maxLogEntries = limits.logEntries;
    this.#insertMessage = database.prepare(
      "INSERT INTO messages (place, stamp, tail) VALUES (?1 << 32 | ?2, ?3, ?4)",
    );
    this.#trimLog = database.prepare("DELETE FROM messages WHERE place BETWEEN ?1 << 32 AND ?1 << 32 | ?2");
  }

  /**
   * Carries out one write.
   *
   * @param delivered Gets the new inbox entries, in order.
   */
  apply(op: WriteOp, delivered: Delivered[]): WriteResult {
    switch (op.type) {
      case "create_user":
        return { type: "created", isNew: this.#accounts.createUser(op.user) };
      case "add_token":
        this.#accounts.addToken(op.token);
        return DONE;
      case "remove_token":
        this.#accounts.removeToken(op.hash);
        return DONE;
      case "remove_tokens":
        this.#accounts.removeTokens(op.user);
        return DONE;
      case "open_device":
        return { type: "opened", device: this.#accounts.openDevice(op.user, op.device, op.now) };
      case "ack":
        this.#accounts.ack(op.user, op.device, op.epoch, op.inbox);
        return DONE;
      case "send":
        return { type: "sent", result: this.#send(op.message, delivered) };
    }
  }

  /** Must be called after every rollback: what is remembered of the tables is no longer true. */
  forget(): void {
    this.#heads.forget();
  }

  /** Removes some of what has expired at wall time `now`; takes a bounded time. */
  sweep(now: number): void {
    this.#accounts.sweep(now);
    this.#dedupe.sweep(now);
  }

  #send(message: Outgoing, delivered: Delivered[]): SendResult {
    const { from, to, at } = message;
    const sender = this.#heads.user(from);
    const receiver = this.#heads.user(to);
    if (!sender || !receiver) return { outcome: "unknown_user" };
    const log = this.#heads.log(message.conversation);
    const key = this.#dedupe.keyOf(message, this.#heads.sender(sender, message.device, at), log);
    const earlier = this.#dedupe.recall(key);
    if (earlier) return earlier;
    const logged = this.#append(log, encodeTail(messageTail(message)));
    this.#dedupe.remember(key, logged.seq);
    const members = [{ name: from, head: sender }];
    if (to !== from) members.push({ name: to, head: receiver });
    this.#inboxes.deliver(members, logged, delivered);
    return { outcome: "stored", seq: logged.seq, at, duplicate: false };
  }

  #append(log: LogHead, tail: Tail): Logged {
    const seq = log.top + 1;
    if (seq > MAX_NUMBER)
      throw new RangeError(`Cannot add to the log of "${log.name}": it has used up its numbers`);
    const stamp = randomStamp();
    this.#insertMessage.run(log.id, seq, stamp, tail.bytes);
    log.top = seq;
    if (seq > this.#maxLogEntries) this.#trimLog.run(log.id, seq - this.#maxLogEntries);
    return { log, seq, stamp, tail };
  }
}
