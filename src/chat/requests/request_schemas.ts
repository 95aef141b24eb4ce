import { Buffer } from "node:buffer";
import * as v from "valibot";
import { inShort, MAX_ATTEMPT, MAX_PAGE, MAX_SIGNAL_BYTES, MAX_TEXT_BYTES } from "../protocol.ts";
import type {
  FriendRequest,
  GroupChangeRequest,
  GroupMemberRequest,
  LoginRequest,
  Request,
} from "./request.ts";
import { jsonOf } from "./signal_data.ts";

const wellFormed = v.pipe(
  v.string(),
  v.check((text) => text.isWellFormed(), "must be well-formed Unicode"),
);
const requestId = v.pipe(
  wellFormed,
  v.minLength(1, "must have 1 to 64 characters"),
  v.maxLength(64, "must have 1 to 64 characters"),
);
const id = v.nullish(requestId);
const password = characters(1024);
/** A JSON Web Token may hold a good deal. */
const token = characters(8192);
const count = v.pipe(
  v.number(),
  v.safeInteger("must be a whole number"),
  v.minValue(0, "must not be negative"),
);
const limit = v.pipe(
  count,
  v.minValue(1, `must be 1 to ${MAX_PAGE}`),
  v.maxValue(MAX_PAGE, `must be 1 to ${MAX_PAGE}`),
);
const text = v.pipe(
  wellFormed,
  v.minLength(1, "must not be empty"),
  v.check(
    (value) => Buffer.byteLength(value) <= MAX_TEXT_BYTES,
    `must have at most ${MAX_TEXT_BYTES} bytes as UTF-8`,
  ),
);
const cursor = v.object({ epoch: wellFormed, inbox: count, stamp: count });
const after = v.nullish(wellFormed);
const mode = v.nullish(v.picklist(["open", "invite"], "must be open or invite"));
const data = v.pipe(
  v.unknown(),
  v.check((value) => value !== null, "must not be null"),
  v.check(
    (value) => jsonOf(value) !== undefined,
    `must have at most ${MAX_SIGNAL_BYTES} bytes as JSON, all of its strings well-formed Unicode`,
  ),
);

/** The requests that have a type as theirs, one of several for some. */
type RequestOf<T, R = Request> = R extends { readonly type: infer U } ? (T extends U ? R : never) : never;
type Schemas = { readonly [T in Request["type"]]: v.GenericSchema<unknown, RequestOf<T>> };

const REQUESTS: Schemas = {
  register: v.object({ type: v.literal("register"), id, name: wellFormed, password }),
  login: v.pipe(
    v.object({
      type: v.literal("login"),
      id,
      name: v.nullish(wellFormed),
      password: v.nullish(password),
      token: v.nullish(token),
      device: v.nullish(requestId),
      cursor: v.nullish(cursor),
      attempt: v.nullish(v.pipe(count, v.maxValue(MAX_ATTEMPT, `must be at most ${MAX_ATTEMPT}`))),
    }),
    v.check(hasCredentials, "must have a token, or a name and a password"),
  ),
  logout: v.object({ type: v.literal("logout"), id, all: v.nullish(v.boolean()) }),
  password: v.object({ type: v.literal("password"), id, old: password, new: password }),
  send: v.object({
    type: v.literal("send"),
    id: requestId,
    to: wellFormed,
    text,
    round: v.nullish(count),
  }),
  signal: v.object({ type: v.literal("signal"), id, to: wellFormed, data }),
  ack: v.object({
    type: v.literal("ack"),
    id,
    inbox: count,
    epoch: v.nullish(wellFormed),
    stamp: v.nullish(count),
  }),
  read: v.object({ type: v.literal("read"), id, conversation: wellFormed, seq: count }),
  sync: v.object({ type: v.literal("sync"), id, inbox: count, limit: v.nullish(limit) }),
  history: v.object({
    type: v.literal("history"),
    id,
    with: wellFormed,
    before: v.nullish(count),
    limit: v.nullish(limit),
  }),
  "conversation.list": v.object({
    type: v.literal("conversation.list"),
    id,
    after,
    limit: v.nullish(limit),
  }),
  "friend.request": friendSchema("friend.request"),
  "friend.accept": friendSchema("friend.accept"),
  "friend.remove": friendSchema("friend.remove"),
  "friend.block": friendSchema("friend.block"),
  "friend.unblock": friendSchema("friend.unblock"),
  "friend.list": v.object({ type: v.literal("friend.list"), id }),
  "group.create": v.object({ type: v.literal("group.create"), id, group: wellFormed, mode }),
  "group.invite": memberSchema("group.invite"),
  "group.join": groupSchema("group.join"),
  "group.leave": groupSchema("group.leave"),
  "group.remove": memberSchema("group.remove"),
  "group.delete": groupSchema("group.delete"),
  "group.list": v.object({ type: v.literal("group.list"), id, after, limit: v.nullish(limit) }),
  "group.members": v.object({
    type: v.literal("group.members"),
    id,
    group: wellFormed,
    after,
    limit: v.nullish(limit),
  }),
  ping: v.object({ type: v.literal("ping"), id }),
};

function characters(most: number): v.GenericSchema<unknown, string> {
  const words = `must have 1 to ${most} characters`;
  return v.pipe(wellFormed, v.minLength(1, words), v.maxLength(most, words));
}

function friendSchema<T extends FriendRequest["type"]>(type: T): v.GenericSchema<unknown, FriendRequest> {
  return v.object({ type: v.literal(type), id, name: wellFormed });
}

function groupSchema<T extends GroupChangeRequest["type"]>(
  type: T,
): v.GenericSchema<unknown, GroupChangeRequest> {
  return v.object({ type: v.literal(type), id, group: wellFormed });
}

function memberSchema<T extends GroupMemberRequest["type"]>(
  type: T,
): v.GenericSchema<unknown, GroupMemberRequest> {
  return v.object({ type: v.literal(type), id, group: wellFormed, name: wellFormed });
}

function hasCredentials({ token, name, password }: LoginRequest): boolean {
  return typeof token === "string" || (typeof name === "string" && typeof password === "string");
}

/** The `id` of a frame, if it has one that an answer can carry. */
export function idOf(frame: Readonly<Record<string, unknown>>): string | undefined {
  return v.is(requestId, frame.id) ? frame.id : undefined;
}

/** The request that a frame is, or a sentence that says why it is none. */
export function checkRequest(frame: Readonly<Record<string, unknown>>): Request | string {
  const { type } = frame;
  if (typeof type !== "string") return `type must be a string, received ${inShort(type)}`;
  if (!isKnown(type)) {
    return `type must be one of ${Object.keys(REQUESTS).join(", ")}, received ${inShort(type)}`;
  }
  const result = v.safeParse(REQUESTS[type], frame, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = issue.path?.map(({ key }) => String(key)).join(".") ?? "frame";
  // Null is the same as absent, but where a check has words of its own for it.
  if (issue.input === undefined || (issue.input === null && issue.kind === "schema"))
    return `${path} is missing`;
  // The check's own words where it has some; valibot's name the type only.
  const wanted = issue.message.startsWith("must") ? issue.message : `must be of type ${issue.expected}`;
  return `${path} ${wanted}, received ${inShort(issue.input)}`;
}

function isKnown(type: string): type is keyof Schemas {
  return Object.hasOwn(REQUESTS, type);
}
