import { stored } from "../account/accounts.ts";
import { tell } from "../notice.ts";
import { normalizeName, ProtocolError } from "../protocol.ts";
import type { Online, Session } from "../session/session.ts";
import type { FriendAction } from "../store/mod.ts";
import type { FriendListRequest, FriendRequest } from "./request.ts";

const ACTIONS: Readonly<Record<FriendRequest["type"], FriendAction>> = {
  "friend.request": "request",
  "friend.accept": "accept",
  "friend.remove": "remove",
  "friend.block": "block",
  "friend.unblock": "unblock",
};

/** Answers what a user asks about friends. @throws {ProtocolError} */
export function answerFriend(
  session: Session,
  online: Online,
  request: FriendRequest | FriendListRequest,
): Promise<void> {
  return request.type === "friend.list"
    ? listFriends(session, online, request)
    : changeFriend(session, online, request);
}

async function listFriends(session: Session, { user }: Online, { id }: FriendListRequest): Promise<void> {
  const { store, presence } = session.context;
  const all = await stored(store.friends(user));
  const names = all.filter(({ state }) => state === "friend").map(({ name }) => name);
  const known = await presence.online(names);
  const friends = all.map(({ name, state }) =>
    state === "friend" && known ? { name, state, online: known.has(name) } : { name, state },
  );
  session.write({ type: "ok", id: id ?? undefined, friends });
}

async function changeFriend(
  session: Session,
  { user }: Online,
  { id, type, name }: FriendRequest,
): Promise<void> {
  session.takeMessageToken();
  const { store, signals } = session.context;
  const other = normalizeName(name);
  if (other === user) throw new ProtocolError("forbidden", "nobody is a friend of themselves");
  const result = await stored(store.changeFriend(user, ACTIONS[type], other));
  switch (result.outcome) {
    case "done":
      break;
    case "unknown_user":
      throw new ProtocolError("unknown_user", `there is no user ${other}`);
    case "blocked":
      throw new ProtocolError("forbidden", `${other} takes no requests from you, or you have blocked them`);
    case "no_request":
      throw new ProtocolError("forbidden", `${other} has not asked to be your friend`);
    case "full":
      throw new ProtocolError("forbidden", "your list of names is full, or theirs");
  }
  if (type === "friend.block") signals.forget(other, user);
  session.write({ type: "ok", id: id ?? undefined });
  if (result.told) await tellBoth(session, user, other, result.told);
}

async function tellBoth(
  session: Session,
  user: string,
  other: string,
  event: "requested" | "accepted" | "removed",
): Promise<void> {
  const { bus, presence } = session.context;
  tell(bus, [other], { type: "friend", name: user, event });
  if (event === "requested") return;
  // What ends or begins for both is told to the user's own devices, too.
  tell(bus, [user], { type: "friend", name: other, event });
  if (event === "removed") return;
  tell(bus, [other], { type: "presence", name: user, online: true });
  const known = await presence.online([other]);
  if (known?.has(other)) tell(bus, [user], { type: "presence", name: other, online: true });
}
