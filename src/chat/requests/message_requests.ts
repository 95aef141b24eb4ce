import { answerable, stored } from "../account/accounts.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { MAX_QUEUED_BYTES } from "../limits.ts";
import { tell } from "../notice.ts";
import { MAX_PAGE, normalizeGroup, normalizeName, ProtocolError, pairOf } from "../protocol.ts";
import type { Online, Session } from "../session/session.ts";
import type { LogPage, Outgoing, SendResult } from "../store/mod.ts";
import type {
  AckRequest,
  ConversationListRequest,
  HistoryRequest,
  ReadRequest,
  SendRequest,
  SyncRequest,
} from "./request.ts";

/** A page of `history` ends at this many bytes at the latest. */
const HISTORY_BYTES = 131_072;
const DEFAULT_PAGE = 50;

/** Stores a message for a user or a group. @throws {ProtocolError} */
export function send(session: Session, online: Online, request: SendRequest): Promise<void> {
  const { user, device, delivery } = online;
  const { id, text, round } = request;
  const { store, clock } = session.context;
  session.takeMessageToken(round ?? undefined);
  const to = receiverOf(request.to);
  const conversation = conversationOf(user, to);
  const message = { conversation, from: user, device, id, to, text, at: clock.wallNow() };
  // One promise and no more: this is what a server does most.
  return store.send(message).then((result) => answerSend(session, delivery, message, result), fail);
}

function fail(error: unknown): never {
  throw answerable(error);
}

function answerSend(
  session: Session,
  delivery: Delivery,
  { id, conversation, to }: Outgoing,
  result: SendResult,
): void {
  switch (result.outcome) {
    case "stored": {
      const { seq, at, duplicate, own } = result;
      const { store, counters } = session.context;
      if (!duplicate) counters.received += 1;
      session.write({ type: "ok", id, conversation, seq, at, duplicate, durable: store.durable });
      if (own) delivery.told(own);
      return;
    }
    case "unknown_user":
      throw new ProtocolError("unknown_user", `there is no user ${to}`);
    case "unknown_group":
      throw unknownGroup(to);
    case "blocked":
      throw new ProtocolError("forbidden", `${to} does not take messages from you`);
    case "not_member":
      throw notMember(to);
    case "id_reused":
      throw new ProtocolError("id_reused", "this id was used for another text in this conversation");
  }
}

/** Notes how far the device has read its inbox. Has no answer. */
export function ack({ delivery }: Online, { inbox, epoch, stamp }: AckRequest): undefined {
  delivery.ack(inbox, epoch ?? undefined, stamp ?? undefined);
}

/** Sends entries of the inbox again. @throws {ProtocolError} */
export async function sync(session: Session, { user }: Online, request: SyncRequest): Promise<void> {
  const { store } = session.context;
  const { id, inbox, limit } = request;
  const { epoch, floor, top } = await stored(store.inboxState(user));
  const after = Math.max(inbox, floor);
  if (inbox < floor) session.write({ type: "resync", epoch, inbox: floor, reason: "trimmed" });
  const limits = { count: limit ?? MAX_PAGE, bytes: MAX_QUEUED_BYTES };
  const entries = after < top ? await stored(store.readInbox(user, after, limits)) : [];
  for (const { line } of entries) session.link.write(line);
  const last = entries.at(-1)?.inbox ?? Math.min(after, top);
  session.write({ type: "ok", id: id ?? undefined, inbox: last, more: last < top });
}

/** Gives a page of a conversation; of a pair with how far both have got. @throws {ProtocolError} */
export async function history(session: Session, { user }: Online, request: HistoryRequest): Promise<void> {
  const { store } = session.context;
  const { id, before, limit } = request;
  const to = receiverOf(request.with);
  const conversation = conversationOf(user, to);
  const limits = { count: limit ?? DEFAULT_PAGE, bytes: HISTORY_BYTES };
  const isPair = !to.startsWith("#");
  const [page, receipts] = await Promise.all([
    stored(store.readLog(user, conversation, before ?? undefined, limits)),
    isPair ? stored(store.receipts(conversation)) : undefined,
  ]);
  const { entries: messages, more } = pageOf(page, to);
  session.write({ type: "ok", id: id ?? undefined, messages, more, receipts });
}

/** Notes how far the user has read a conversation, and tells those who are to know. @throws {ProtocolError} */
export async function read(session: Session, { user }: Online, request: ReadRequest): Promise<void> {
  const { store, bus } = session.context;
  const { id } = request;
  const conversation = ownConversation(user, request.conversation);
  const result = await stored(store.markRead(user, conversation, request.seq));
  if (result.outcome !== "done")
    throw result.outcome === "unknown_group" ? unknownGroup(conversation) : notMember(conversation);
  session.write({ type: "ok", id: id ?? undefined });
  tell(bus, result.told, { type: "receipt", conversation, name: user, read: result.read });
}

/** Gives a page of the conversations that the user is in. @throws {ProtocolError} */
export async function listConversations(
  session: Session,
  { user }: Online,
  request: ConversationListRequest,
): Promise<void> {
  const { id, after, limit } = request;
  const start = after ? ownConversation(user, after) : "";
  const page = await stored(session.context.store.conversations(user, start, limit ?? MAX_PAGE));
  session.write({ type: "ok", id: id ?? undefined, conversations: page.entries, more: page.more });
}

function receiverOf(to: string): string {
  return to.startsWith("#") ? normalizeGroup(to) : normalizeName(to);
}

/** A group is its own conversation. */
function conversationOf(user: string, to: string): string {
  return to.startsWith("#") ? to : pairOf(user, to);
}

/** The conversation as it is stored, if it is a group's or one of the user's pairs. */
function ownConversation(user: string, conversation: string): string {
  if (conversation.startsWith("#")) return normalizeGroup(conversation);
  const [first, second, ...more] = conversation.split(":").map((name) => normalizeName(name));
  if (first === undefined || second === undefined || more.length > 0) throw notMember(conversation);
  if (first !== user && second !== user) throw notMember(conversation);
  return pairOf(first, second);
}

function pageOf(page: LogPage | "unknown_group" | "not_member", group: string): LogPage {
  if (page === "unknown_group") throw unknownGroup(group);
  if (page === "not_member") throw notMember(group);
  return page;
}

function unknownGroup(group: string): ProtocolError {
  return new ProtocolError("unknown_group", `there is no group ${group}`);
}

function notMember(conversation: string): ProtocolError {
  return new ProtocolError("not_member", `you are not in ${conversation}`);
}
