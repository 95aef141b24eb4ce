import type { ChatClient } from "../../client/chat_client.ts";
import type { FriendView } from "../../client/friends.ts";
import type { GroupView, MemberView } from "../../client/groups.ts";
import { isNotIn } from "./friendly.ts";
import { Members } from "./members.ts";

/** Pages of groups that are asked for: as many groups as one may be in. */
const MAX_GROUP_PAGES = 6;

/** What {@linkcode People} tells. */
export interface PeopleHandler {
  /** The lists are new. */
  listed(): void;
  /** So is the list of who is in a group; nobody where the user is not in it any more. */
  membersListed(group: string, members: readonly MemberView[]): void;
  failed(error: unknown): void;
}

/** The friends and groups of a user, as they were listed last. */
export class People {
  friends: readonly FriendView[] = [];
  groups: readonly GroupView[] = [];
  /** Whether they have been listed at all. */
  isListed = false;
  readonly #handler: PeopleHandler;
  readonly #members: Members;
  #listing: "no" | "once" | "again" = "no";

  constructor(handler: PeopleHandler) {
    this.#handler = handler;
    this.#members = new Members({
      listed: handler.membersListed,
      failed: (group, error) => {
        // Whoever was removed is told by what is shown instead.
        if (isNotIn(error)) handler.membersListed(group, []);
        else handler.failed(error);
      },
    });
  }

  /** Whether the user is in a group; undefined until that is known. */
  isMember(group: string): boolean | undefined {
    if (!this.isListed) return undefined;
    return this.groups.some((one) => one.group === group && one.state === "member");
  }

  /** Who is in a group, where it is the one that is looked at. */
  membersOf(group: string): readonly MemberView[] {
    return this.#members.of(group);
  }

  /** A group is looked at. */
  look(client: ChatClient, group: string): void {
    this.#members.look(client, group);
  }

  /** Something has happened in a group. */
  noteGroup(client: ChatClient, group: string): void {
    this.#members.note(client, group);
  }

  /** Lists them again. Asked for while it does, it does once more: not once for each of many events. */
  list(client: ChatClient): void {
    if (this.#listing !== "no") {
      this.#listing = "again";
      return;
    }
    this.#listing = "once";
    void this.#ask(client).then((error) => {
      const isStale = this.#listing === "again";
      this.#listing = "no";
      if (error === undefined) this.#handler.listed();
      else this.#handler.failed(error);
      if (isStale) this.list(client);
    });
  }

  /** A friend has come or gone. */
  note(friend: string, online: boolean): void {
    this.friends = this.friends.map((one) => (one.name === friend ? { ...one, online } : one));
  }

  /** @returns What went wrong. */
  async #ask(client: ChatClient): Promise<unknown> {
    try {
      this.friends = await client.friends.list();
      this.groups = await allGroups(client);
      this.isListed = true;
      return undefined;
    } catch (error) {
      return error;
    }
  }
}

async function allGroups(client: ChatClient): Promise<readonly GroupView[]> {
  const found: GroupView[] = [];
  for (let page = 0; page < MAX_GROUP_PAGES; page++) {
    const after = found.at(-1)?.group;
    const { groups, more } = await client.groups.list(after === undefined ? {} : { after });
    found.push(...groups);
    if (!more) break;
  }
  return found;
}
