import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { DeviceState, InboxFinding, InboxPlace, InboxState } from "../account.ts";
import type { StoreLimits } from "../limits.ts";
import type { Heads, UserHead } from "./heads.ts";
import { encodeJson, numberIn } from "./row.ts";
import type { Trimming } from "./trimming.ts";
import type { DeviceOp } from "./write.ts";

/** Where the inbox of nobody stands. */
export const NO_INBOX: InboxState = { epoch: "", top: 0, stamp: 0, floor: 0 };

/**
 * In place of a device, of which none has an empty name: its generation is newer than that of every session that was ended with all of its
 * user. It stands for devices that are forgotten, but may have sessions.
 */
export const FORGOTTEN: Uint8Array = encodeJson("");
/** It was never used, and so is not waited for to acknowledge anything. */
const NEVER = -Number.MAX_SAFE_INTEGER;

/** Writes where devices stand in their user's inbox. */
export class Devices {
  readonly #heads: Heads;
  readonly #trimming: Trimming;
  readonly #maxDevices: number;
  readonly #login: StatementSync;
  readonly #select: StatementSync;
  readonly #upsert: StatementSync;
  readonly #forget: StatementSync;
  readonly #selectOthers: StatementSync;
  readonly #renew: StatementSync;
  readonly #ackDevice: StatementSync;
  readonly #ackUser: StatementSync;
  readonly #selectStamp: StatementSync;

  constructor(database: DatabaseSync, heads: Heads, trimming: Trimming, limits: Required<StoreLimits>) {
    this.#heads = heads;
    this.#trimming = trimming;
    this.#maxDevices = limits.devices;
    this.#login = database.prepare(
      "UPDATE users SET generation = max(generation + 1, ?2) WHERE id = ?1 RETURNING generation, acked",
    );
    this.#select = database.prepare("SELECT acked, generation FROM devices WHERE user = ? AND device = ?");
    this.#upsert = database.prepare(
      "INSERT OR REPLACE INTO devices (user, device, acked, generation, used_at) VALUES (?, ?, ?, ?, ?)",
    );
    // Not the device that logs in, whatever its time: a clock may go back.
    this.#forget = database.prepare(`
      DELETE FROM devices WHERE user = ?1 AND device IN (
        SELECT device FROM devices WHERE user = ?1 AND device NOT IN (?2, ?4)
        ORDER BY used_at DESC, generation DESC LIMIT -1 OFFSET ?3)`);
    this.#selectOthers = database.prepare(
      "SELECT device FROM devices WHERE user = ? AND device NOT IN (?, ?) ORDER BY generation",
    );
    this.#renew = database.prepare("UPDATE devices SET generation = ?3 WHERE user = ?1 AND device = ?2");
    this.#ackDevice = database.prepare(`
      UPDATE devices SET acked = ?3, used_at = max(used_at, ?4)
      WHERE user = ?1 AND device = ?2 AND acked < ?3`);
    this.#ackUser = database.prepare("UPDATE users SET acked = ?2 WHERE id = ?1 AND acked < ?2");
    this.#selectStamp = database.prepare("SELECT stamp FROM inboxes WHERE place = (?1 << 32 | ?2)");
  }

  open({ user, device, now, generation: own }: Extract<DeviceOp, { type: "open_device" }>): DeviceState {
    const head = this.#heads.user(user);
    // At least the time: newer than those that a folder brought back from a copy has lost. Who has one already raises it to no more.
    const login = head && this.#login.get(head.id, own ?? now);
    if (!head || !login) return { ...NO_INBOX, generation: 0, isRaised: true, acked: 0 };
    const name = encodeJson(device);
    const known = this.#select.get(head.id, name);
    const acked = numberIn(known ?? login, "acked");
    const before = known ? numberIn(known, "generation") : -1;
    const generation = own === undefined ? numberIn(login, "generation") : Math.max(own, before);
    this.#upsert.run(head.id, name, acked, generation, now);
    if (!known) this.#forget.run(head.id, name, this.#maxDevices - 1, FORGOTTEN);
    return { ...stateOf(head), generation, isRaised: generation > before, acked };
  }

  /** Gives every device but `except` a newer generation, in the order of those they had. */
  endAll(user: string, except: string | undefined, now: number): void {
    const head = this.#heads.user(user);
    if (!head) return;
    const next = (): number => numberIn({ ...this.#login.get(head.id, now) }, "generation");
    const kept = except === undefined ? FORGOTTEN : encodeJson(except);
    for (const { device } of this.#selectOthers.all(head.id, kept, FORGOTTEN))
      this.#renew.run(head.id, device as Uint8Array, next());
    this.#upsert.run(head.id, FORGOTTEN, 0, next(), NEVER);
  }

  /** @param now Wall time, at which the device is in use. */
  ack(op: Extract<DeviceOp, { type: "ack" }>, now: number): void {
    const { user, device, epoch, inbox, delivered = [], stamp } = op;
    const head = this.#heads.user(user);
    if (!head || head.epoch !== epoch || inbox > head.top) return;
    if (stamp !== undefined && this.#isLost(head, { inbox, stamp })) return;
    if (!this.#ackDevice.run(head.id, encodeJson(device), inbox, now).changes) return;
    this.#ackUser.run(head.id, inbox);
    for (const { conversation, seq } of delivered) this.#reach(head, conversation, seq);
    this.#trimming.acked(head);
  }

  /** Looks at a place once more, and begins a new epoch if nobody has since its entry was lost. */
  check(place: InboxPlace): InboxFinding {
    const head = this.#heads.user(place.user);
    if (!head) return { ...NO_INBOX, generation: 0, isRolledBack: place.epoch !== "" };
    const isLost = place.epoch === head.epoch && this.#isLost(head, place);
    if (isLost) this.#heads.renew(head);
    const device =
      this.#select.get(head.id, encodeJson(place.device)) ?? this.#select.get(head.id, FORGOTTEN);
    return {
      ...stateOf(head),
      generation: device ? numberIn(device, "generation") : 0,
      isRolledBack: place.epoch !== head.epoch,
    };
  }

  #isLost(head: UserHead, { inbox, stamp }: Pick<InboxPlace, "inbox" | "stamp">): boolean {
    if (inbox > head.top) return true;
    if (inbox <= head.floor) return false;
    const row = this.#selectStamp.get(head.id, inbox);
    return row === undefined || numberIn(row, "stamp") !== stamp;
  }

  /** Notes that the user has got a conversation up to `seq`; what is beyond what the inbox took counts as that. */
  #reach(head: UserHead, conversation: string, seq: number): void {
    const log = this.#heads.findLog(conversation);
    const mark = log && this.#heads.mark(head, log);
    if (!log || !mark) return;
    const delivered = Math.min(seq, mark.seq);
    if (delivered > mark.delivered) this.#heads.setMark(head, log, { ...mark, delivered });
  }
}

function stateOf({ epoch, top, stamp, floor }: UserHead): InboxState {
  return { epoch, top, stamp, floor };
}
