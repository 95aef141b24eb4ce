import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Outgoing, SendResult } from "../contract.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { StoreLimits } from "../limits.ts";
import type { Heads, LogHead, SenderHead } from "./heads.ts";
import { bytesIn, decodeJson, encodeJson, numberIn } from "./row.ts";
import { NO_FINGERPRINT } from "./schema.ts";

/** What makes a send the same as an earlier one. */
export interface SendKey {
  readonly sender: SenderHead;
  readonly log: LogHead;
  readonly id: Uint8Array;
  readonly fingerprint: number;
  /** Wall time of this send in milliseconds. */
  readonly at: number;
}

/**
 * After how many sends of a device those too many are removed. That reads all it has: an index for it would cost more, since
 * every device writes to pages of its own.
 */
const TRIM_EVERY = 256;
/** Senders that one sweep looks at. */
const SWEEP_ROWS = 256;

/** Remembers sends for some time and up to some number a device. */
export class Dedupe {
  readonly #heads: Heads;
  readonly #limits: Required<StoreLimits>;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #replace: StatementSync;
  readonly #trim: StatementSync;
  readonly #touch: StatementSync;
  readonly #selectSenders: StatementSync;
  readonly #removeSender: StatementSync;
  #sweptTo = 0;

  constructor(database: DatabaseSync, heads: Heads, limits: Required<StoreLimits>) {
    this.#heads = heads;
    this.#limits = limits;
    this.#select = database.prepare(
      "SELECT number, seq, at, fingerprint FROM dedupe WHERE sender = ? AND conversation = ? AND id = ?",
    );
    const into =
      "INTO dedupe (sender, conversation, id, number, seq, at, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?)";
    this.#insert = database.prepare(`INSERT OR IGNORE ${into}`);
    this.#replace = database.prepare(`REPLACE ${into}`);
    this.#trim = database.prepare("DELETE FROM dedupe WHERE sender = ? AND number <= ?");
    this.#touch = database.prepare("UPDATE senders SET used_at = ? WHERE id = ?");
    this.#selectSenders = database.prepare(
      `SELECT id, user, device, used_at FROM senders WHERE id > ? ORDER BY id LIMIT ${SWEEP_ROWS}`,
    );
    this.#removeSender = database.prepare("DELETE FROM senders WHERE id = ?");
  }

  /** The key of a send. */
  keyOf(message: Outgoing, sender: SenderHead, log: LogHead): SendKey {
    const { id, text, at } = message;
    return { sender, log, id: encodeJson(id), fingerprint: fingerprintOf(text), at };
  }

  /** What became of an earlier send of the same key; undefined when none is remembered. */
  recall(key: SendKey): SendResult | undefined {
    const row = this.#select.get(key.sender.id, key.log.id, key.id);
    if (!row) return undefined;
    const at = numberIn(row, "at");
    if (key.at - at >= this.#limits.dedupeMs) return undefined;
    if (numberIn(row, "number") <= key.sender.number - this.#limits.dedupeIds) return undefined;
    const fingerprint = numberIn(row, "fingerprint");
    if (fingerprint !== key.fingerprint && fingerprint !== NO_FINGERPRINT) return { outcome: "id_reused" };
    return { outcome: "stored", seq: numberIn(row, "seq"), at, duplicate: true };
  }

  /**
   * Notes that a send gets its place, unless there was an earlier one. Mostly there was none, so it is not looked for first.
   *
   * @returns What became of an earlier send of the same key; undefined when none is remembered.
   */
  remember(key: SendKey, seq: number): SendResult | undefined {
    const { sender, log, id, fingerprint, at } = key;
    const row = [sender.id, log.id, id, sender.number + 1, seq, at, fingerprint] as const;
    if (this.#insert.run(...row).changes === 0) {
      const earlier = this.recall(key);
      if (earlier) return earlier;
      this.#replace.run(...row);
    }
    sender.number += 1;
    if (sender.number % TRIM_EVERY === 0) this.#trim.run(sender.id, sender.number - this.#limits.dedupeIds);
    // A note now and then is enough for the sweep, which allows for it.
    if (at - sender.usedAt >= this.#limits.dedupeMs / 8) {
      sender.usedAt = at;
      this.#touch.run(at, sender.id);
    }
    return undefined;
  }

  /** Removes what some of the devices that have long been silent have sent; each call looks at the next few. @returns Whether most of them were. */
  sweep(now: number): boolean {
    const rows = this.#selectSenders.all(this.#sweptTo);
    let removed = 0;
    const before = now - this.#limits.dedupeMs * 1.25;
    for (const row of rows) {
      this.#sweptTo = numberIn(row, "id");
      if (numberIn(row, "used_at") > before) continue;
      this.#trim.run(this.#sweptTo, Number.MAX_SAFE_INTEGER);
      this.#removeSender.run(this.#sweptTo);
      removed += 1;
      this.#heads.forgetSender(numberIn(row, "user"), decodeJson(bytesIn(row, "device")));
    }
    if (rows.length < SWEEP_ROWS) this.#sweptTo = 0;
    return removed >= SWEEP_ROWS / 2;
  }
}
