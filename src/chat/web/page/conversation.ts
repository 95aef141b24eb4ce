/** A message as it is shown. */
export interface Line {
  readonly seq: number;
  /** The id that its sender gave it. */
  readonly id: string;
  readonly from: string;
  readonly text: string;
  readonly at: number;
}

/** A message of the user's that has no answer yet, or was refused. */
export interface Unsent {
  readonly id: string;
  readonly from: string;
  readonly text: string;
  /** Why it was refused; undefined while it is on its way. */
  error: string | undefined;
}

/** How far somebody has got and read a conversation. */
export interface Progress {
  readonly delivered: number;
  readonly read: number;
}

/** How far somebody is said to be, as far as it is said. */
type Reached = { readonly [key in keyof Progress]?: number | undefined };

/** A look into what is older. */
export interface Look {
  /** Older than this message; undefined for the newest ones. */
  readonly before: number | undefined;
  /** What was known of history before. */
  readonly was: Conversation["history"];
}

/** The most messages of a conversation that are kept here, the newest ones; history goes on, but is not loaded further. */
export const MAX_LINES = 5000;
/** As many are kept of one that is not looked at. */
const KEPT_LINES = 100;
/** The most members of a group whose progress is noted. */
const MAX_PROGRESS = 1000;

/** What this page knows of one conversation. No I/O: whoever has a connection tells it what came. */
export class Conversation {
  /** The name of the other one, or `#group`. */
  readonly peer: string;
  readonly unsent: Unsent[] = [];
  readonly progress: Map<string, Progress> = new Map();
  /** Messages of others that the user has not read. */
  unread = 0;
  /** What is being written. */
  draft = "";
  /** Whether history has been asked for, and whether there may be more of it. */
  history: "unknown" | "loading" | "partial" | "whole" = "unknown";
  #lines: Line[] = [];
  #maxLines = KEPT_LINES;
  /** The look whose answer is waited for; none once what the answer would join is forgotten. */
  #look: Look | undefined;

  constructor(peer: string) {
    this.peer = peer;
  }

  /** In order, the oldest first. */
  get lines(): readonly Line[] {
    return this.#lines;
  }

  get last(): Line | undefined {
    return this.#lines.at(-1);
  }

  /** Whether older messages can be asked for. */
  get hasOlder(): boolean {
    return (this.history === "unknown" || this.history === "partial") && this.#lines.length < MAX_LINES;
  }

  /** Adds a message, wherever its place is; it waits no longer for its answer. @returns Whether it was not there before. */
  add(line: Line): boolean {
    const isNew = this.#insert(line);
    this.#trim();
    return isNew;
  }

  /** Takes out what waits for its answer, or was refused. */
  discard({ id, from }: Pick<Unsent, "id" | "from">): void {
    const index = this.unsent.findIndex((one) => one.id === id && one.from === from);
    if (index >= 0) this.unsent.splice(index, 1);
  }

  /** Begins to look for older ones. @returns What has to be asked for; undefined where nothing can be, or is already. */
  lookBack(): Look | undefined {
    if (!this.hasOlder) return undefined;
    this.#look = { before: this.#lines[0]?.seq, was: this.history };
    this.history = "loading";
    return this.#look;
  }

  /** Adds what a look has found, the oldest first. Dropped where something is missing by now between that and what is here. */
  addOlder(look: Look, lines: readonly Line[], more: boolean): void {
    if (look !== this.#look) return;
    for (const line of lines) this.#insert(line);
    this.#endLook(more ? "partial" : "whole");
    this.#trim();
  }

  /** A look has found nothing, and may be tried again. */
  giveUp(look: Look): void {
    if (look === this.#look) this.#endLook(look.was);
  }

  /** Notes how far somebody is. It never goes back. */
  note(name: string, { delivered = 0, read = 0 }: Reached): void {
    const known = this.progress.get(name) ?? { delivered: 0, read: 0 };
    if (this.progress.size >= MAX_PROGRESS && !this.progress.has(name)) return;
    this.progress.set(name, {
      delivered: Math.max(known.delivered, delivered, read),
      read: Math.max(known.read, read),
    });
  }

  /** Somebody is not in the group any more. */
  left(name: string): void {
    this.progress.delete(name);
  }

  /** Notes how far the members of the group are, and that nobody else is one. */
  setMembers(members: readonly (Progress & { readonly name: string })[]): void {
    const names = new Set(members.map(({ name }) => name));
    for (const name of this.progress.keys()) if (!names.has(name)) this.left(name);
    for (const { name, ...progress } of members) this.note(name, progress);
  }

  /** The user has read up to `seq`, here or elsewhere. */
  markRead(seq: number, user: string): void {
    this.note(user, { read: seq });
    const left = this.#lines.filter((line) => line.seq > seq && line.from !== user).length;
    // Whose they are that are not kept is not known: at most all of them are unread.
    const unknown = Math.max(0, (this.#lines[0]?.seq ?? 0) - 1 - seq);
    this.unread = seq >= (this.last?.seq ?? 0) ? 0 : Math.min(this.unread, left + unknown);
  }

  /** Keeps what comes and what is loaded, since somebody looks at it. */
  wake(): void {
    this.#maxLines = MAX_LINES;
  }

  /** Forgets most, since nobody looks at it: history has it. */
  rest(): void {
    this.#maxLines = KEPT_LINES;
    this.#trim();
  }

  /** Messages are missing in between: what is shown comes from history again. */
  forget(): void {
    this.#lines = [];
    this.#endLook("unknown");
  }

  /** What became of the user's last message: how far the others are with it. */
  stateOf(line: Line, user: string): string {
    const others = [...this.progress].filter(([name]) => name !== user).map(([, progress]) => progress);
    const readers = others.filter(({ read }) => read >= line.seq).length;
    if (this.peer.startsWith("#")) return readers > 0 ? `Read by ${readers}` : "Sent";
    if (readers > 0) return "Read";
    return others.some(({ delivered }) => delivered >= line.seq) ? "Delivered" : "Sent";
  }

  #insert(line: Line): boolean {
    this.discard(line);
    const index = this.#lines.findLastIndex(({ seq }) => seq <= line.seq);
    if (this.#lines[index]?.seq === line.seq) return false;
    this.#lines.splice(index + 1, 0, line);
    // What one sends counts as read up to there, and of that comes no receipt.
    this.note(line.from, { read: line.seq });
    return true;
  }

  #trim(): void {
    if (this.#lines.length <= this.#maxLines) return;
    this.#lines = this.#lines.slice(-this.#maxLines);
    this.#endLook(this.history === "unknown" ? "unknown" : "partial");
  }

  #endLook(history: Conversation["history"]): void {
    this.#look = undefined;
    this.history = history;
  }
}
