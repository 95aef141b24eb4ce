/** What a prompt tells. */
export interface PromptParts {
  readonly user: string;
  /** Whom one talks to: a user, or a `#group`. */
  readonly peer: string | undefined;
  /** How many messages of whom are unread; who wrote last is the last. */
  readonly unread: ReadonlyMap<string, number>;
}

/** The least that is left of a name that does not fit. */
const MIN_NAME = 4;
/** The most conversations that are named; of more their sum is told. */
const MAX_NAMED = 3;
/** A greater sum is told as more than this. */
const MAX_SUM = 999;

/** What stands before the line that is being typed: as much as leaves half of the window to it, and always whom one talks to. */
export function promptText({ user, peer, unread }: PromptParts, columns: number): string {
  const room = Math.floor(columns / 2);
  const to = peer === undefined ? user : `→ ${peer}`;
  const full = peer === undefined ? user : `${user} ${to}`;
  const sum = `${sumOf(unread)}> `;
  const texts = [`${full}${namesOf(unread)}> `, `${full}${sum}`, `${to}${sum}`];
  return texts.find((text) => text.length <= room) ?? `${cut(peer ?? user, room - sum.length)}${sum}`;
}

function namesOf(unread: ReadonlyMap<string, number>): string {
  if (unread.size === 0 || unread.size > MAX_NAMED) return sumOf(unread);
  const named = Array.from(unread, ([peer, count]) => `${peer} ${count}`);
  return ` (${named.reverse().join(", ")})`;
}

function sumOf(unread: ReadonlyMap<string, number>): string {
  const sum = unread.values().reduce((all, count) => all + count, 0);
  if (sum === 0) return "";
  return sum > MAX_SUM ? ` (${MAX_SUM}+)` : ` (${sum})`;
}

function cut(name: string, room: number): string {
  return name.length <= room ? name : `${name.slice(0, Math.max(MIN_NAME, room) - 1)}…`;
}
