import type { Receipt } from "../contract.ts";
import type { GroupChange, GroupEntry, GroupMember, GroupResult, GroupStore, Page } from "../group.ts";
import type { RedisStoreContext } from "./context.ts";
import { toStoreError } from "./error.ts";
import type { GroupChanges } from "./group_changes.ts";
import { READ_GROUP_SCRIPT } from "./group_scripts.ts";
import { parseLine } from "./list_scripts.ts";
import { toPairs } from "./pairs.ts";
import { readReceipt } from "./receipts.ts";
import { toList, toText, toTexts } from "./reply.ts";

/** Groups in Redis. */
export class Groups implements GroupStore {
  readonly #context: RedisStoreContext;
  readonly #changes: GroupChanges;

  constructor(context: RedisStoreContext, changes: GroupChanges) {
    this.#context = context;
    this.#changes = changes;
  }

  async changeGroup(group: string, by: string, change: GroupChange): Promise<GroupResult> {
    try {
      return await this.#changes.change(group, by, change);
    } catch (cause) {
      throw toStoreError(cause, "change a group");
    }
  }

  async groups(user: string, after: string, limit: number): Promise<Page<GroupEntry>> {
    try {
      const { reads, keys, deadlineMs } = this.#context;
      const key = keys.groups(user);
      const lines = toPairs(await reads.command(key, ["HGETALL", key], { deadlineMs }));
      const entries: GroupEntry[] = [];
      for (const [group, text] of lines) {
        const line = parseLine(text);
        if (line) entries.push({ group, state: line.state === "member" ? "member" : "invited", by: line.by });
      }
      return pageOf(entries, ({ group }) => group, after, limit);
    } catch (cause) {
      throw toStoreError(cause, "read groups");
    }
  }

  async groupMembers(
    group: string,
    by: string,
    after: string,
    limit: number,
  ): Promise<Page<GroupMember> | "unknown_group" | "not_member"> {
    try {
      const found = await this.#read(group, by, "HGETALL");
      if (typeof found === "string") return found;
      const { entries, more } = pageOf(toPairs(found.members), ([name]) => name, after, limit);
      const members = entries.map(([name, place]) => this.#member(group, name, Number(place.split(" ")[0])));
      const read = await Promise.all(members);
      return { entries: read.map((member) => ({ ...member, isOwner: member.name === found.owner })), more };
    } catch (cause) {
      throw toStoreError(cause, "read a group");
    }
  }

  async memberNames(group: string, by: string): Promise<readonly string[] | "unknown_group" | "not_member"> {
    try {
      const found = await this.#read(group, by, "HKEYS");
      return typeof found === "string" ? found : toTexts(found.members);
    } catch (cause) {
      throw toStoreError(cause, "read a group");
    }
  }

  /** How far a member is with what was sent since they joined: a mark begins where they did. */
  async #member(group: string, name: string, joined: number): Promise<Receipt> {
    const { delivered, read } = await readReceipt(this.#context, group, name);
    return { name, delivered: delivered > joined ? delivered : 0, read: read > joined ? read : 0 };
  }

  async #read(
    group: string,
    by: string,
    command: "HKEYS" | "HGETALL",
  ): Promise<{ owner: string; members: unknown } | "unknown_group" | "not_member"> {
    const { reads, keys, deadlineMs } = this.#context;
    const names = [keys.conv(group), keys.members(group)];
    const [found, owner, members] = toList(
      await reads.script(READ_GROUP_SCRIPT, names, [by, command], { deadlineMs }),
    );
    if (found === "unknown_group" || found === "not_member") return found;
    return { owner: toText(owner), members };
  }
}

/** What comes after `after` in the order of names. */
function pageOf<T>(all: readonly T[], nameOf: (entry: T) => string, after: string, limit: number): Page<T> {
  const later = all
    .filter((entry) => nameOf(entry) > after)
    .sort((first, second) => (nameOf(first) < nameOf(second) ? -1 : 1));
  return { entries: later.slice(0, limit), more: later.length > limit };
}
