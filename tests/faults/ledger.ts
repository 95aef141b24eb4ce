/**
 * The checker: knows every message that was sent and everything that was shown, and tells what is wrong.
 *
 * Pure: no socket, no timer. Every text is sent once, so that a text names its message.
 *
 * @module
 */
import type { ChatMessage, Sent } from "../../src/chat/mod.ts";

/** What a {@linkcode Ledger} has found. The lists hold sentences; all of them are empty when the promise was kept. */
export interface Verdict {
  readonly sent: number;
  readonly acknowledged: number;
  /** Messages shown, each once for every device of every member. */
  readonly delivered: number;
  /** Acknowledged, and not shown by a device that was to show it. */
  readonly lost: readonly string[];
  /** Shown twice by one device. */
  readonly duplicated: readonly string[];
  /** Shown out of the order of its conversation, or with a hole before it. */
  readonly reordered: readonly string[];
  /** Numbered before a message that its sender had sent to the same receiver earlier. */
  readonly overtaken: readonly string[];
  /** Not what was sent: another number than acknowledged, another sender, a text that nobody sent. */
  readonly false: readonly string[];
  /** Sends that ended without anybody knowing whether they were stored. */
  readonly unknown: number;
  readonly resyncs: number;
  /** Messages that a `gap` said to be missing. */
  readonly gaps: number;
  /** The longest time from an `ok` until the last device had shown the message, in milliseconds. */
  readonly latestMs: number;
}

interface Message {
  readonly text: string;
  readonly from: string;
  readonly to: string;
  /** The conversation and number that were acknowledged; undefined before. */
  place: Pick<Sent, "conversation" | "seq"> | undefined;
  atMs: number;
  /** When the last one showed it. */
  seenMs: number;
  /** By device, as what it was shown there. */
  readonly seenBy: Map<string, Sighting>;
}

interface Sighting {
  readonly seq: number;
  /** How often the device had been told of a new history then: what it was shown before that counts no longer. */
  readonly resyncs: number;
}

/** A number that did not follow on the one before. */
interface Jump {
  readonly device: string;
  readonly conversation: string;
  readonly from: number;
  readonly to: number;
}

/** What one device has shown. */
export interface Sight {
  see(message: ChatMessage): void;
  gap(conversation: string, missing: number): void;
  resync(): void;
}

/** A send, from its start to its end. */
export interface SendRecord {
  acknowledged(place: Pick<Sent, "conversation" | "seq">): void;
  /** It was refused for good, or nobody knows. */
  ended(isKnown: boolean): void;
}

/** Keeps what was sent and shown. */
export class Ledger {
  readonly #now: () => number;
  readonly #messages = new Map<string, Message>();
  readonly #devices = new Map<string, Set<string>>();
  readonly #groups = new Map<string, readonly string[]>();
  /** The newest acknowledged number of a sender's device, by conversation. */
  readonly #sentUpTo = new Map<string, { readonly seq: number; readonly order: number }>();
  readonly #duplicated: string[] = [];
  readonly #jumps: Jump[] = [];
  readonly #resyncsOf = new Map<string, number>();
  readonly #overtaken: string[] = [];
  readonly #false: string[] = [];
  readonly #incomplete = new Set<Message>();
  readonly #waiting = new Set<() => void>();
  #underWay = 0;
  #acknowledged = 0;
  #delivered = 0;
  #unknown = 0;
  #resyncs = 0;
  #gaps = 0;
  #latestMs = 0;

  /** @param now Milliseconds, never going backwards. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Sends begun so far. */
  get sent(): number {
    return this.#messages.size;
  }

  /** Messages acknowledged so far. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Messages shown so far, each once for every device. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Acknowledged messages that some device has still to show. */
  get missing(): number {
    return this.#incomplete.size;
  }

  /** Says who is in a group: all of them from before its first message to the end. */
  group(name: string, members: readonly string[]): void {
    this.#groups.set(name, members);
  }

  /** A device that is to show everything its user gets from now on. */
  device(user: string, device: string): Sight {
    const name = `${user}/${device}`;
    const devices = this.#devices.get(user) ?? new Set();
    this.#devices.set(user, devices.add(name));
    const tops = new Map<string, number>();
    return {
      see: (message) => this.#see(name, message, tops),
      gap: (conversation, missing) => {
        this.#gaps += missing;
        tops.set(conversation, (tops.get(conversation) ?? 0) + missing);
      },
      resync: () => {
        this.#resyncs += 1;
        this.#resyncsOf.set(name, (this.#resyncsOf.get(name) ?? 0) + 1);
        tops.clear();
      },
    };
  }

  /** Notes a send that begins. @throws {RangeError} when the text was sent before: then it names no message. */
  send(from: string, to: string, text: string): SendRecord {
    if (this.#messages.has(text)) throw new RangeError(`Cannot note a send: "${text}" was sent before`);
    const order = this.#messages.size;
    const message: Message = { text, from, to, place: undefined, atMs: 0, seenMs: 0, seenBy: new Map() };
    this.#messages.set(text, message);
    this.#underWay += 1;
    return {
      acknowledged: (place) => {
        this.#underWay -= 1;
        this.#acknowledge(message, place, order);
        this.#look();
      },
      ended: (isKnown) => {
        this.#underWay -= 1;
        if (!isKnown) this.#unknown += 1;
        this.#look();
      },
    };
  }

  /** Resolves when no send is under way and everything acknowledged was shown by everybody. Put a deadline on it. */
  settled(): Promise<void> {
    return this.reached(() => this.#underWay === 0 && this.#incomplete.size === 0);
  }

  /** Resolves when `isReached` says so, asked after everything that is noted. */
  reached(isReached: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!isReached()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** What is wrong by now. */
  verdict(): Verdict {
    return {
      sent: this.#messages.size,
      acknowledged: this.#acknowledged,
      delivered: this.#delivered,
      lost: [...this.#incomplete].map((message) => this.#describeLost(message)),
      duplicated: this.#duplicated,
      reordered: this.#findReordered(),
      overtaken: this.#overtaken,
      false: [...this.#false, ...[...this.#messages.values()].flatMap((message) => this.#findFalse(message))],
      unknown: this.#unknown,
      resyncs: this.#resyncs,
      gaps: this.#gaps,
      latestMs: this.#latestMs,
    };
  }

  #acknowledge(message: Message, place: Pick<Sent, "conversation" | "seq">, order: number): void {
    this.#acknowledged += 1;
    message.place = place;
    message.atMs = this.#now();
    const key = `${message.from} in ${place.conversation}`;
    const before = this.#sentUpTo.get(key);
    if (before && order > before.order === place.seq < before.seq)
      this.#overtaken.push(
        `"${message.text}" of ${key} has number ${place.seq}, that before it ${before.seq}`,
      );
    if (!before || order > before.order) this.#sentUpTo.set(key, { seq: place.seq, order });
    if (!this.#isComplete(message)) this.#incomplete.add(message);
  }

  #see(device: string, shown: ChatMessage, tops: Map<string, number>): void {
    const { conversation, seq, text, from } = shown;
    const message = this.#messages.get(text);
    if (!message || message.from !== from || message.to !== shown.to) {
      this.#false.push(`${device} was shown "${text}" of ${from}, which was not sent so`);
      return;
    }
    const top = tops.get(conversation);
    if (message.seenBy.has(device)) this.#duplicated.push(`${device} was shown "${text}" twice`);
    else if (top !== undefined && seq !== top + 1)
      this.#jumps.push({ device, conversation, from: top, to: seq });
    tops.set(conversation, Math.max(top ?? 0, seq));
    this.#delivered += 1;
    if (!message.seenBy.has(device))
      message.seenBy.set(device, { seq, resyncs: this.#resyncsOf.get(device) ?? 0 });
    message.seenMs = this.#now();
    if (this.#isComplete(message)) this.#complete(message);
    this.#look();
  }

  #complete(message: Message): void {
    if (!this.#incomplete.delete(message)) return;
    this.#latestMs = Math.max(this.#latestMs, message.seenMs - message.atMs);
  }

  #isComplete(message: Message): boolean {
    return this.#missingOf(message).length === 0;
  }

  #missingOf({ from, to, seenBy }: Message): string[] {
    const members = this.#groups.get(to) ?? [from, to];
    return members
      .flatMap((user) => [...(this.#devices.get(user) ?? [])])
      .filter((name) => !seenBy.has(name));
  }

  /** Shown under another number than acknowledged, or under different ones; but for what a new history has taken back. */
  #findFalse({ text, place, seenBy }: Message): string[] {
    const [first] = seenBy.values();
    const seq = place?.seq ?? first?.seq;
    return [...seenBy]
      .filter(([device, sight]) => sight.seq !== seq && sight.resyncs === (this.#resyncsOf.get(device) ?? 0))
      .map(([device, sight]) => `"${text}" is ${seq} and was shown to ${device} as ${sight.seq}`);
  }

  /** What a device was shown before a new history gave it another number is not shown again there: it leaves a hole that is none. */
  #findReordered(): string[] {
    const messages = new Map<string, Message>();
    for (const message of this.#messages.values())
      if (message.place) messages.set(`${message.place.conversation} ${message.place.seq}`, message);
    const isHole = ({ device, conversation, from, to }: Jump): boolean => {
      if (to <= from) return true;
      for (let seq = from + 1; seq < to; seq++)
        if (!messages.get(`${conversation} ${seq}`)?.seenBy.has(device)) return true;
      return false;
    };
    return this.#jumps
      .filter(isHole)
      .map(
        ({ device, conversation, from, to }) => `${device} was shown ${to} of ${conversation} after ${from}`,
      );
  }

  #describeLost(message: Message): string {
    const { text, place, to } = message;
    return `"${text}" to ${to}, number ${place?.seq}, was not shown to ${this.#missingOf(message).join(", ")}`;
  }

  #look(): void {
    for (const check of [...this.#waiting]) check();
  }
}

/** @throws {Error} with everything that is wrong, unless nothing is. */
export function assertKept(verdict: Verdict): void {
  const { lost, duplicated, reordered, overtaken } = verdict;
  const wrong = [...lost, ...duplicated, ...reordered, ...overtaken, ...verdict.false];
  if (wrong.length > 0)
    throw new Error(`the promise was broken ${wrong.length} times:\n${wrong.slice(0, 10).join("\n")}`);
}
