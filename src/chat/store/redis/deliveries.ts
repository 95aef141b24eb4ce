import { partitionOf } from "../../../redis/mod.ts";
import type { StoreError } from "../contract.ts";
import type { Background } from "./background.ts";
import { CatchUp, freshEntry } from "./catch_up.ts";
import { beginWriting } from "./confirming.ts";
import type { RedisStoreContext } from "./context.ts";
import { STRIKE_DELIVERY_SCRIPT } from "./deliver_script.ts";
import { InboxWriter, type LogWindow, type Place } from "./inbox_writer.ts";
import type { KnownNames } from "./known_names.ts";
import { Lanes } from "./lane.ts";
import { type LogView, viewLog } from "./log_reader.ts";
import { type Member, Memberships } from "./members.ts";
import { deliveryItem } from "./owed.ts";
import { type Appended, type VersionedWindow, WaitingWindows } from "./waiting_windows.ts";

interface Strike {
  readonly conversation: string;
  readonly reached: number;
}

/** What {@linkcode Deliveries} works with. */
export interface DeliveryParts {
  readonly background: Background;
  /** Forgets who has turned out to be gone. */
  readonly names: Pick<KnownNames, "forget">;
  /** Awaited before anything that was appended is delivered. */
  readonly hold: (() => Promise<void>) | undefined;
}

/** What has come of the windows of a conversation so far. */
interface Progress {
  /** Every inbox could be brought up. What comes later does not wait for one that could not. */
  isDone: boolean;
  /** Settles when they are as durable as the store promises. What comes later does not wait for that, either. */
  confirmed: Promise<void>;
}

/** Conversations that are being delivered at once; more are left to be found as owed. */
const MAX_CONVERSATIONS = 10_000;
/** Newest messages of a log that are brought at once where nobody says what is missing. */
const NEWEST_ENTRIES = 32;

/**
 * Delivers what was appended, one window after the other in each conversation, and strikes what is owed when all have it. What fails stays
 * owed.
 */
export class Deliveries {
  readonly #context: RedisStoreContext;
  readonly #memberships: Memberships;
  readonly #writer: InboxWriter;
  readonly #catchUp: CatchUp;
  readonly #strikes: Lanes<Strike, true>;
  readonly #waiting = new Map<string, WaitingWindows>();
  /** Conversations that are being mended, and whether they are to be once more. */
  readonly #mending = new Map<string, boolean>();
  readonly #background: Background;
  readonly #hold: (() => Promise<void>) | undefined;

  constructor(context: RedisStoreContext, { background, names, hold }: DeliveryParts) {
    this.#context = context;
    this.#background = background;
    this.#hold = hold;
    this.#memberships = new Memberships(context);
    this.#writer = new InboxWriter(context, (name) => names.forget(name));
    this.#catchUp = new CatchUp(context, this.#writer);
    const { deadlineMs, clock } = context;
    this.#strikes = new Lanes({
      action: "strike what is delivered",
      run: (strikes) => this.#strikeAll(strikes),
      weigh: () => 1 / 128,
      deadlineMs,
      clock,
    });
  }

  /** Takes a message that was appended. Messages of one conversation come in their order. */
  take(message: Appended): void {
    const waiting = this.#waiting.get(message.conversation);
    if (waiting) {
      waiting.add(message);
      return;
    }
    if (this.#waiting.size >= MAX_CONVERSATIONS) return;
    const windows = new WaitingWindows();
    windows.add(message);
    this.#waiting.set(message.conversation, windows);
    this.#background.run(() => this.#deliverAll(message.conversation, windows));
  }

  /** Brings a conversation up in the background: an inbox of it turned out to be in need of that. */
  mend(conversation: string): void {
    const isUnderWay = this.#mending.has(conversation);
    if (!isUnderWay && this.#mending.size >= MAX_CONVERSATIONS) return;
    this.#mending.set(conversation, isUnderWay);
    if (!isUnderWay) this.#background.run(() => this.#mend(conversation));
  }

  async #mend(conversation: string): Promise<void> {
    try {
      // Once more where something came while it was under way.
      for (let isAsked = true; isAsked; isAsked = this.#mending.get(conversation) ?? false) {
        this.#mending.set(conversation, false);
        await this.bringUp(conversation);
      }
    } finally {
      this.#mending.delete(conversation);
    }
  }

  /** See {@linkcode RedisStoreContext.bringUp}. */
  async bringUp(conversation: string, users?: readonly string[]): Promise<void> {
    // The log first: who is a member after that is to have it, and who joins later is not behind.
    const view = await viewLog(this.#context, conversation, { newest: NEWEST_ENTRIES });
    const all = await this.#memberships.of(conversation);
    const members = users ? all.filter(({ name }) => users.includes(name)) : all;
    const confirmInboxes = beginWriting(this.#context, namesOf(members));
    await this.#catchUp.bring(conversation, newestWindow(view), members);
    if (users) return;
    await confirmInboxes();
    await this.#strike(conversation, view.top);
  }

  /**
   * Brings one inbox up to a place, such as that where its user has left.
   *
   * @throws {StoreError} `unavailable`.
   */
  async bringTo(conversation: string, member: Member, place: Place): Promise<void> {
    const window = { before: place.seq, beforeStamp: place.stamp, entries: [] };
    await this.#catchUp.bring(conversation, window, [member]);
  }

  /** Finishes what is under way. */
  async close(): Promise<void> {
    await this.#background.idle();
    await this.#writer.close();
    await this.#strikes.close();
  }

  async #deliverAll(conversation: string, windows: WaitingWindows): Promise<void> {
    const progress: Progress = { isDone: true, confirmed: Promise.resolve() };
    try {
      // After the turn: what else was appended in it comes along.
      await new Promise<void>((resolve) => setImmediate(resolve));
      await this.#hold?.();
      for (let window = windows.take(); window; window = windows.take()) {
        await this.#deliver(conversation, window, progress);
        const reached = window.entries.at(-1)?.last ?? window.before;
        // What was dropped is read from the log by whoever finds it owed, if not before.
        const isAll = progress.isDone && windows.isWhole && windows.size === 0;
        if (isAll && !this.#context.isConfirmed) await this.#strike(conversation, reached);
        else if (isAll)
          this.#background.run(() => progress.confirmed.then(() => this.#strike(conversation, reached)));
      }
    } finally {
      this.#waiting.delete(conversation);
    }
  }

  async #deliver(conversation: string, window: VersionedWindow, progress: Progress): Promise<void> {
    try {
      const members = await this.#memberships.of(conversation, window.version);
      const confirmInboxes = beginWriting(this.#context, namesOf(members));
      await this.#catchUp.bring(conversation, window, members);
      progress.confirmed = Promise.all([progress.confirmed, confirmInboxes()]).then(() => undefined);
      // Whoever strikes hears of it.
      progress.confirmed.catch(() => undefined);
    } catch (error) {
      this.#background.report(error);
      progress.isDone = false;
    }
  }

  async #strike(conversation: string, reached: number): Promise<void> {
    const lane = this.#context.isSplit ? partitionOf(conversation) : "";
    await this.#strikes.ask(lane, { conversation, reached });
  }

  async #strikeAll(strikes: readonly Strike[]): Promise<readonly (true | StoreError)[]> {
    const { keyspace, keys, deadlineMs } = this.#context;
    const names = strikes.flatMap(({ conversation }) => {
      const partition = partitionOf(conversation);
      return [keys.conv(conversation), keys.owed(partition), keys.tries(partition), keys.aside(partition)];
    });
    const args = strikes.flatMap(({ conversation, reached }) => [deliveryItem(conversation), `${reached}`]);
    await keyspace.script(STRIKE_DELIVERY_SCRIPT, names, args, { deadlineMs });
    return strikes.map(() => true);
  }
}

function namesOf(members: readonly Member[]): Iterable<string> {
  return members.values().map(({ name }) => name);
}

/** The newest messages of a log. What an inbox misses before them is found when it says where it is. */
function newestWindow({ top, stamp, entries }: LogView): LogWindow {
  const [first] = entries;
  if (first === undefined || entries.at(-1)?.seq !== top)
    return { before: top, beforeStamp: stamp, entries: [] };
  return first.seq === 1
    ? { before: 0, beforeStamp: "0", entries: entries.map(freshEntry) }
    : { before: first.seq, beforeStamp: first.stamp, entries: entries.slice(1).map(freshEntry) };
}
