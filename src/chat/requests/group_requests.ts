import { stored } from "../account/accounts.ts";
import { tell } from "../notice.ts";
import { MAX_PAGE, normalizeGroup, normalizeName, ProtocolError, type ServerFrame } from "../protocol.ts";
import type { Online, Session } from "../session/session.ts";
import { type GroupChange, type GroupResult, MAX_GROUPS } from "../store/mod.ts";
import type {
  GroupChangeRequest,
  GroupCreateRequest,
  GroupListRequest,
  GroupMemberRequest,
  GroupMembersRequest,
} from "./request.ts";

type ChangeRequest = GroupCreateRequest | GroupChangeRequest | GroupMemberRequest;
type GroupEvent = Extract<ServerFrame, { type: "group" }>["event"];

/** Answers what a user asks about groups. @throws {ProtocolError} */
export function answerGroup(
  session: Session,
  online: Online,
  request: ChangeRequest | GroupListRequest | GroupMembersRequest,
): Promise<void> {
  switch (request.type) {
    case "group.list":
      return listGroups(session, online, request);
    case "group.members":
      return listMembers(session, online, request);
    case "group.create":
    case "group.join":
    case "group.leave":
    case "group.delete":
    case "group.invite":
    case "group.remove":
      return changeGroup(session, online, request);
  }
}

async function listGroups(session: Session, { user }: Online, request: GroupListRequest): Promise<void> {
  const { id, after, limit } = request;
  const start = after ? normalizeGroup(after, "after") : "";
  const page = await stored(session.context.store.groups(user, start, limit ?? MAX_PAGE));
  const groups = page.entries.map(({ group, state, by }) => ({ group, state, by }));
  session.write({ type: "ok", id: id ?? undefined, groups, more: page.more });
}

async function listMembers(session: Session, { user }: Online, request: GroupMembersRequest): Promise<void> {
  const { id, after, limit } = request;
  const { store, presence } = session.context;
  const group = normalizeGroup(request.group);
  const start = after ? normalizeName(after, "after") : "";
  const page = await stored(store.groupMembers(group, user, start, limit ?? MAX_PAGE));
  if (typeof page === "string") throw refused(page, group);
  const known = await presence.online(page.entries.map(({ name }) => name));
  const members = page.entries.map(({ name, isOwner, delivered, read }) => {
    const member = { name, owner: isOwner, delivered, read };
    return known ? { ...member, online: known.has(name) } : member;
  });
  session.write({ type: "ok", id: id ?? undefined, members, more: page.more });
}

async function changeGroup(session: Session, { user }: Online, request: ChangeRequest): Promise<void> {
  session.takeMessageToken();
  const { store, bus, signals } = session.context;
  const group = normalizeGroup(request.group);
  const { change, event } = meaningOf(request);
  const result = await stored(store.changeGroup(group, user, change));
  if (result.outcome !== "done") throw refused(result.outcome, group, change);
  signals.forget(user, group);
  session.write({ type: "ok", id: request.id ?? undefined, group });
  const name = "name" in change ? change.name : user;
  tell(bus, result.told, { type: "group", group, name, event });
  tell(bus, result.uninvited ?? [], { type: "group", group, name, event: "deleted" });
}

/** What a request does to a group, and how those who are to know are told. */
function meaningOf(request: ChangeRequest): { change: GroupChange; event: GroupEvent } {
  switch (request.type) {
    case "group.create":
      return { change: { action: "create", mode: request.mode ?? "invite" }, event: "joined" };
    case "group.join":
      return { change: { action: "join" }, event: "joined" };
    case "group.leave":
      return { change: { action: "leave" }, event: "left" };
    case "group.delete":
      return { change: { action: "delete" }, event: "deleted" };
    case "group.invite":
      return { change: { action: "invite", name: normalizeName(request.name) }, event: "invited" };
    case "group.remove":
      return { change: { action: "remove", name: normalizeName(request.name) }, event: "removed" };
  }
}

/** Why a group did not do what it was asked. */
function refused(
  outcome: Exclude<GroupResult["outcome"], "done">,
  group: string,
  change?: GroupChange,
): ProtocolError {
  switch (outcome) {
    case "unknown_group":
      return new ProtocolError("unknown_group", `there is no group ${group}`);
    case "taken":
      return new ProtocolError("name_taken", `the name ${group} is taken`);
    case "not_member":
      return new ProtocolError("not_member", `you are not a member of ${group}`);
    case "forbidden":
      return new ProtocolError("forbidden", forbiddenWords(group, change));
    case "unknown_user":
      return new ProtocolError("unknown_user", unknownWords(group, change));
    case "full":
      return new ProtocolError("group_full", `${group} is full`);
    case "blocked":
      return new ProtocolError("forbidden", `${nameIn(change)} has blocked you`);
    case "too_many":
      return new ProtocolError("forbidden", tooManyWords(change));
  }
}

function tooManyWords(change: GroupChange | undefined): string {
  return change?.action === "invite"
    ? `${change.name} has too many open invitations`
    : `you are in ${MAX_GROUPS} groups, and can be in no more`;
}

function nameIn(change: GroupChange | undefined): string {
  return change && "name" in change ? change.name : "that name";
}

function forbiddenWords(group: string, change: GroupChange | undefined): string {
  return change?.action === "join"
    ? `${group} is joined by invitation`
    : `only the owner of ${group} can do that`;
}

function unknownWords(group: string, change: GroupChange | undefined): string {
  const name = nameIn(change);
  return change?.action === "remove" ? `${name} is not a member of ${group}` : `there is no user ${name}`;
}
