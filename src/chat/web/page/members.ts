import type { ChatClient } from "../../client/chat_client.ts";
import type { MemberView } from "../../client/groups.ts";

/** Pages of members that are asked for: as many as a group may have. */
const MAX_PAGES = 6;

/** What {@linkcode Members} tells. */
export interface MembersHandler {
  /** The list is new. */
  listed(group: string, members: readonly MemberView[]): void;
  failed(group: string, error: unknown): void;
}

/** Who is in one group, the one that is looked at, as it was listed last. */
export class Members {
  readonly #handler: MembersHandler;
  #group = "";
  #list: readonly MemberView[] = [];
  #listing: "no" | "once" | "again" = "no";

  constructor(handler: MembersHandler) {
    this.#handler = handler;
  }

  /** In the order of their names; empty for another group than the one that is looked at. */
  of(group: string): readonly MemberView[] {
    return group === this.#group ? this.#list : [];
  }

  /** Looks at a group. */
  look(client: ChatClient, group: string): void {
    if (group !== this.#group) this.#list = [];
    this.#group = group;
    this.#load(client);
  }

  /** Something has happened in a group: where it is looked at, it is listed again. */
  note(client: ChatClient, group: string): void {
    if (group === this.#group) this.#load(client);
  }

  /** Asked for while it lists, it does once more: not once for each of many events. */
  #load(client: ChatClient): void {
    if (this.#listing !== "no") {
      this.#listing = "again";
      return;
    }
    this.#listing = "once";
    const group = this.#group;
    void allMembers(client, group)
      .then(
        (members) => {
          if (group !== this.#group) return;
          this.#list = members;
          this.#handler.listed(group, members);
        },
        (error: unknown) => {
          if (group !== this.#group) return;
          // Of a group that one is not in any more nobody is known.
          this.#list = [];
          this.#handler.failed(group, error);
        },
      )
      .then(() => {
        const isStale = this.#listing === "again";
        this.#listing = "no";
        if (isStale) this.#load(client);
      });
  }
}

async function allMembers(client: ChatClient, group: string): Promise<readonly MemberView[]> {
  const found: MemberView[] = [];
  for (let page = 0; page < MAX_PAGES; page++) {
    const after = found.at(-1)?.name;
    const { members, more } = await client.groups.members(group, after === undefined ? {} : { after });
    found.push(...members);
    if (!more) break;
  }
  return found;
}
