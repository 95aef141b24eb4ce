/** What a word after a command names; `peer` is a user or a group. */
export type Operand = "user" | "group" | "peer" | "open";

/** What there is to choose from. */
export interface Choices {
  /** What the words after each command name. */
  readonly commands: ReadonlyMap<string, readonly Operand[]>;
  readonly users: Iterable<string>;
  /** Each with its `#`. */
  readonly groups: Iterable<string>;
}

/** What may stand in place of the last word, and that word: as readline takes it. */
export type Completion = [hits: string[], word: string];

/** More than these are not listed; what they have in common is completed all the same. */
const MAX_LISTED = 100;

/** What Tab makes of a line up to the cursor: commands, receivers at the start, and the names that a command takes. Never words of a message. */
export function complete(line: string, choices: Choices): Completion {
  const start = line.lastIndexOf(" ") + 1;
  const word = line.slice(start);
  const before = line.slice(0, start).trim();
  const wanted = word.toLowerCase();
  const hits = candidates(before === "" ? [] : before.split(/ +/), wanted, choices)
    .filter((name) => name.startsWith(wanted))
    .sort()
    // As it was typed, so that it is a beginning of what takes its place.
    .map((name) => `${word}${name.slice(word.length)} `);
  if (hits.length <= MAX_LISTED) return [hits, word];
  const common = commonStart(hits);
  return [common.length > word.length ? [common] : [], word];
}

function candidates([command, ...others]: readonly string[], word: string, choices: Choices): string[] {
  if (command === undefined) return startOfLine(word, choices);
  const operand = choices.commands.get(command)?.[others.length];
  switch (operand) {
    case "user":
      return usersAs(word, choices);
    case "group":
      return groupsAs(word, choices);
    case "peer":
      return [...usersAs(word, choices), ...choices.groups];
    case "open":
      return ["open"];
    case undefined:
      return [];
  }
}

function startOfLine(word: string, { commands, users, groups }: Choices): string[] {
  if (word.startsWith("/")) return [...commands.keys()];
  if (word.startsWith("@")) return receivers(users);
  return word.startsWith("#") ? [...groups] : [];
}

function receivers(users: Iterable<string>): string[] {
  return Array.from(users, (name) => `@${name}`);
}

/** Users as one has begun to write them: by name, or as receivers. */
function usersAs(word: string, { users }: Choices): string[] {
  return word.startsWith("@") ? receivers(users) : [...users];
}

/** Groups as one has begun to write them: commands take them without `#`, too. */
function groupsAs(word: string, { groups }: Choices): string[] {
  return word === "" || word.startsWith("#") ? [...groups] : Array.from(groups, (name) => name.slice(1));
}

/** What all of some texts begin with; they are in order. */
function commonStart(texts: readonly string[]): string {
  const [first = ""] = texts;
  const last = texts.at(-1) ?? "";
  let length = 0;
  while (length < first.length && first[length] === last[length]) length += 1;
  return first.slice(0, length);
}
