/** The most conversations that are marked. */
const MAX_MARKS = 1000;

/** What is unread in one conversation. */
interface Mark {
  /** Messages that the server has counted and that were not shown here. */
  readonly hidden: number;
  /** Messages that were shown here while one talked elsewhere. */
  readonly shown: number;
  /** The highest number that was shown here; 0 where none was. */
  readonly top: number;
}

/** A message as far as it matters here. */
export interface Arrival {
  readonly inbox: number;
  readonly seq: number;
}

const NOTHING: Mark = { hidden: 0, shown: 0, top: 0 };

/** How many messages of each conversation the user has not read. No I/O: whoever shows messages tells it. */
export class Unread {
  readonly #marks = new Map<string, Mark>();
  /** What came up to this entry of the inbox is counted by the server. */
  #counted = 0;

  /** Each conversation with something unread, by its peer; the one that got something last is the last. */
  get counts(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#marks, ([peer, { hidden, shown }]) => [peer, hidden + shown]));
  }

  /** How many messages with somebody, or in a `#group`, are unread. */
  of(peer: string): number {
    const { hidden, shown } = this.#marks.get(peer) ?? NOTHING;
    return hidden + shown;
  }

  /** The server has counted, up to entry `top` of the inbox. What it does not name is read. */
  login(counts: ReadonlyMap<string, number>, top: number): void {
    this.#counted = top;
    for (const peer of this.#marks.keys()) if (!counts.has(peer)) this.#marks.delete(peer);
    for (const [peer, count] of counts) {
      const known = this.#marks.get(peer) ?? NOTHING;
      const shown = Math.min(known.shown, count);
      this.#set(peer, { ...known, shown, hidden: count - shown });
    }
  }

  /**
   * A message of somebody else's was shown.
   *
   * @param isOpen Whether one talks there now.
   * @returns Whether it is read, and all before it: not while something before it has not been shown.
   */
  arrived(peer: string, { inbox, seq }: Arrival, isOpen: boolean): boolean {
    const { hidden, shown } = this.#marks.get(peer) ?? NOTHING;
    const left = inbox <= this.#counted ? Math.max(0, hidden - 1) : hidden;
    if (isOpen && left === 0) {
      this.#marks.delete(peer);
      return true;
    }
    this.#marks.delete(peer);
    this.#set(peer, { hidden: left, shown: shown + 1, top: seq });
    return false;
  }

  /** One talks there from now on. @returns The number up to which it is read by that; undefined where that is no further. */
  open(peer: string): number | undefined {
    const mark = this.#marks.get(peer);
    if (!mark || mark.hidden > 0) return undefined;
    this.#marks.delete(peer);
    return mark.top;
  }

  /** The user has read up to number `seq`, on whatever device. */
  read(peer: string, seq: number): void {
    const mark = this.#marks.get(peer);
    if (!mark) return;
    const left = Math.max(0, mark.top - seq);
    const shown = Math.min(mark.shown, left);
    const hidden = Math.min(mark.hidden, left - shown);
    if (shown + hidden === 0) this.#marks.delete(peer);
    else this.#set(peer, { ...mark, shown, hidden });
  }

  /** The newest messages were shown, and with them all that is unread. */
  clear(peer: string): void {
    this.#marks.delete(peer);
  }

  /** Beyond the limit the one that got something longest ago is not marked any more. */
  #set(peer: string, mark: Mark): void {
    this.#marks.set(peer, mark);
    const [oldest] = this.#marks.keys();
    if (this.#marks.size > MAX_MARKS && oldest !== undefined) this.#marks.delete(oldest);
  }
}
