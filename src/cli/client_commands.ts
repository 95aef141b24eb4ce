import type { ChatClient, FriendView, GroupView, MemberView, PageRequest } from "../chat/mod.ts";
import type { Operand } from "./client_completion.ts";
import type { Screen } from "./client_screen.ts";
import type { Unread } from "./client_unread.ts";

/** What commands look at beside the client. */
export interface Surroundings {
  readonly screen: Screen;
  readonly unread: Unread;
}

/** One thing that can be asked for by a line that begins with `/`. */
export interface ClientCommand {
  /** What stands after its name, such as `#GROUP NAME`; what may be left out in brackets. */
  readonly operands: string;
  readonly help: string;
  /** What its words name, for Tab. @default {nothing that is known} */
  readonly completes?: readonly Operand[];
  /**
   * Does it.
   *
   * @returns The lines to show, or undefined when the words do not say what is needed.
   * @throws {ChatError}
   */
  run(
    client: ChatClient,
    words: readonly string[],
    around: Surroundings,
  ): Promise<readonly string[] | undefined>;
}

/** The most pages of a list that one command shows. */
const MAX_PAGES = 10;

/** What can be done about friends, groups and oneself. */
export const CLIENT_COMMANDS: Readonly<Record<string, ClientCommand>> = {
  "/friends": {
    operands: "",
    help: "show your friends, and who wants to be one",
    run: async (client, _words, { unread }) => {
      const friends = await client.friends.list();
      if (friends.length === 0) return ["— nobody yet: /friend NAME asks somebody"];
      return friends.map((friend) => friendLine(friend) + unreadMark(unread, friend.name));
    },
  },
  "/unread": {
    operands: "",
    help: "show with whom there is something unread, and how much",
    run: async (_client, _words, { unread }) => {
      const lines = Array.from(unread.counts, ([peer, count]) => `${peer} ${count}`);
      return lines.length === 0 ? ["— nothing is unread"] : lines;
    },
  },
  "/friend": aboutSomebody("ask NAME to be your friend", (client, name) => client.friends.request(name)),
  "/accept": aboutSomebody("accept what NAME has asked", (client, name) => client.friends.accept(name)),
  "/unfriend": aboutSomebody("be no friend of NAME any more", (client, name) => client.friends.remove(name)),
  "/block": aboutSomebody("take nothing of NAME any more", (client, name) => client.friends.block(name)),
  "/unblock": aboutSomebody("let NAME write again", (client, name) => client.friends.unblock(name)),
  "/groups": { operands: "", help: "show your groups and invitations", run: listGroups },
  "/create": {
    operands: "#GROUP [open]",
    help: "make a group that one joins by invitation, or that anybody may join",
    completes: ["group", "open"],
    run: async (client, [group, mode]) => {
      if (group === undefined || (mode !== undefined && mode !== "open")) return undefined;
      await client.groups.create(groupOf(group), mode ?? "invite");
      return [];
    },
  },
  "/invite": {
    operands: "#GROUP NAME",
    help: "invite somebody into a group",
    completes: ["group", "user"],
    run: async (client, [group, name]) => {
      if (group === undefined || name === undefined) return undefined;
      await client.groups.invite(groupOf(group), nameOf(name));
      return [];
    },
  },
  "/join": aboutGroup("join a group", (client, group) => client.groups.join(group)),
  "/leave": aboutGroup("leave a group, or turn an invitation down", (client, group) =>
    client.groups.leave(group),
  ),
  "/members": {
    operands: "#GROUP",
    help: "show who is in a group",
    completes: ["group"],
    run: listMembers,
  },
  "/passwd": {
    operands: "",
    help: "change your password, which ends your other logins",
    run: changePassword,
  },
};

function aboutSomebody(
  help: string,
  act: (client: ChatClient, name: string) => Promise<void>,
): ClientCommand {
  return {
    operands: "NAME",
    help,
    completes: ["user"],
    async run(client, [name]) {
      if (name === undefined) return undefined;
      await act(client, nameOf(name));
      return [];
    },
  };
}

function aboutGroup(help: string, act: (client: ChatClient, group: string) => Promise<void>): ClientCommand {
  return {
    operands: "#GROUP",
    help,
    completes: ["group"],
    async run(client, [group]) {
      if (group === undefined) return undefined;
      await act(client, groupOf(group));
      return [];
    },
  };
}

/** A name, also where it was written as a receiver. */
function nameOf(word: string): string {
  return word.startsWith("@") ? word.slice(1) : word;
}

/** A group, also where its `#` was left out. */
function groupOf(word: string): string {
  return word.startsWith("#") ? word : `#${word}`;
}

function friendLine({ name, state, online }: FriendView): string {
  switch (state) {
    case "friend":
      return `${name} ${online === undefined ? "friend" : `friend ${online ? "online" : "offline"}`}`;
    case "incoming":
      return `${name} wants to be your friend: /accept ${name}`;
    case "outgoing":
      return `${name} asked`;
    case "blocked":
      return `${name} blocked`;
  }
}

/** What stands behind the name of somebody, or of a group, that has written. */
function unreadMark(unread: Unread, peer: string): string {
  const count = unread.of(peer);
  return count === 0 ? "" : `, ${count} unread`;
}

async function listGroups(
  client: ChatClient,
  _words: readonly string[],
  { unread }: Surroundings,
): Promise<readonly string[]> {
  const lines = await pages(async (page) => {
    const { groups, more } = await client.groups.list(page);
    const lines = groups.map((one) => groupLine(one) + unreadMark(unread, one.group));
    return { lines, last: groups.at(-1)?.group, more };
  });
  return lines.length === 0 ? ["— none yet: /create #GROUP makes one"] : lines;
}

async function listMembers(
  client: ChatClient,
  [word]: readonly string[],
): Promise<readonly string[] | undefined> {
  if (word === undefined) return undefined;
  return await pages(async (page) => {
    const { members, more } = await client.groups.members(groupOf(word), page);
    return { lines: members.map(memberLine), last: members.at(-1)?.name, more };
  });
}

/** The lines of a list that comes in pages, at most {@linkcode MAX_PAGES}. */
async function pages(
  ask: (page: PageRequest) => Promise<{
    readonly lines: readonly string[];
    readonly last: string | undefined;
    readonly more: boolean;
  }>,
): Promise<readonly string[]> {
  const all: string[] = [];
  let page: PageRequest = {};
  for (let count = 0; count < MAX_PAGES; count++) {
    const { lines, last, more } = await ask(page);
    all.push(...lines);
    if (!more || last === undefined) return all;
    page = { after: last };
  }
  return [...all, "— and more"];
}

function groupLine({ group, state, by }: GroupView): string {
  return state === "member" ? group : `${group} invited by ${by}: /join ${group}`;
}

function memberLine({ name, owner, online }: MemberView): string {
  const words = [name];
  if (owner) words.push("owner");
  if (online !== undefined) words.push(online ? "online" : "offline");
  return words.join(" ");
}

async function changePassword(
  client: ChatClient,
  _words: readonly string[],
  { screen }: Surroundings,
): Promise<readonly string[]> {
  const old = await screen.ask("old password: ", true);
  const changed = old ? await screen.ask("new password: ", true) : undefined;
  if (!old || !changed) return ["— the password stays as it is: there is nobody to ask"];
  const again = await screen.ask("new password, once more: ", true);
  if (again !== changed) return ["— the password stays as it is: the two were not the same"];
  await client.changePassword(old, changed);
  return ["— the password is changed; your other logins are over"];
}
