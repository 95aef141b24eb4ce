import type { Ask } from "./exchange.ts";

/** A group of the user's, or one that they are invited into. */
export interface GroupView {
  /** Its name, with the `#`. */
  readonly group: string;
  /** What the user is to it. */
  readonly state: "member" | "invited";
  /** Who invited the user. */
  readonly by: string;
}

/** A member of a group. */
export interface MemberView {
  /** Who it is. */
  readonly name: string;
  /** Whether the group is theirs. */
  readonly owner: boolean;
  /** Absent while nobody can tell. */
  readonly online?: boolean;
  /** How far the member has got and read the conversation. */
  readonly delivered: number;
  /** How far they have read it. */
  readonly read: number;
}

/** Which part of a list is asked for. */
export interface PageRequest {
  /** What comes after this name. @default {from the first one} */
  readonly after?: string;
  /** At most so many, up to 200. @default {as many as the server gives} */
  readonly limit?: number;
}

/**
 * The part of a client that knows groups. A group is named with its `#`. All reject with a `ChatError`, `unavailable` while there is no
 * connection.
 *
 * @example A group, and who is in it
 * ```ts
 * import assert from "node:assert/strict";
 * import { connectChat, registerChat, systemDriver, tcpDial } from "chorus";
 *
 * const dial = tcpDial(systemDriver(), [{ host: "127.0.0.1", port: 7000 }]);
 * for (const name of ["ada", "ben"]) await registerChat({ dial, name, password: "secret" });
 * await using ada = await connectChat({ dial, credentials: { name: "ada", password: "secret" } });
 * await using ben = await connectChat({ dial, credentials: { name: "ben", password: "secret" } });
 * await ada.groups.create("#tea");
 * await ada.groups.invite("#tea", "ben");
 * await ben.groups.join("#tea");
 * await ada.send("#tea", "the kettle is on");
 * const { members } = await ben.groups.members("#tea");
 * assert.deepEqual(members.map(({ name, owner }) => [name, owner]), [["ada", true], ["ben", false]]);
 * ```
 */
export class Groups {
  readonly #ask: Ask;

  /** @internal */
  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Makes a group, whose owner the user is. `open`: anybody may join; else who is invited. */
  async create(group: string, mode: "open" | "invite" = "invite"): Promise<void> {
    await this.#ask({ type: "group.create", group, mode });
  }

  /** Invites a user; any member may. */
  async invite(group: string, name: string): Promise<void> {
    await this.#ask({ type: "group.invite", group, name });
  }

  /** Joins an open group, or takes an invitation. */
  async join(group: string): Promise<void> {
    await this.#ask({ type: "group.join", group });
  }

  /** Leaves a group, or turns an invitation down. */
  async leave(group: string): Promise<void> {
    await this.#ask({ type: "group.leave", group });
  }

  /** Removes a member; only the owner may. */
  async remove(group: string, name: string): Promise<void> {
    await this.#ask({ type: "group.remove", group, name });
  }

  /** Ends a group; only the owner may. */
  async delete(group: string): Promise<void> {
    await this.#ask({ type: "group.delete", group });
  }

  /** The groups and invitations of the user, in the order of their names. */
  async list(
    page: PageRequest = {},
  ): Promise<{ readonly groups: readonly GroupView[]; readonly more: boolean }> {
    const { groups, more } = await this.#ask({ type: "group.list", ...page });
    return { groups: groups as readonly GroupView[], more: more === true };
  }

  /** The members of a group whose member the user is, in the order of their names. */
  async members(
    group: string,
    page: PageRequest = {},
  ): Promise<{ readonly members: readonly MemberView[]; readonly more: boolean }> {
    const { members, more } = await this.#ask({ type: "group.members", group, ...page });
    return { members: members as readonly MemberView[], more: more === true };
  }
}
