/** What a prompt tells. */
export interface PromptParts {
  readonly user: string;
  /** Whom one talks to: a user, or a `#group`. */
  readonly peer: string | undefined;
}

/** The least that is left of a name that does not fit. */
const MIN_NAME = 4;

/** What stands before the line that is being typed: as much as leaves half of the window to it, and always whom one talks to. */
export function promptText({ user, peer }: PromptParts, columns: number): string {
  const room = Math.floor(columns / 2);
  const at = peer === undefined ? user : `→ ${peer}`;
  const texts = [peer === undefined ? `${user}> ` : `${user} ${at}> `, `${at}> `];
  return texts.find((text) => text.length <= room) ?? `${cut(peer ?? user, room - "> ".length)}> `;
}

function cut(name: string, room: number): string {
  return name.length <= room ? name : `${name.slice(0, Math.max(MIN_NAME, room) - 1)}…`;
}
