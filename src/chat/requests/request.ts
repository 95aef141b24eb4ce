import type { Cursor } from "../protocol.ts";

/** What every request may carry. `null` is the same as absent. */
interface Identified {
  /** Names the answer. 1 to 64 characters. */
  readonly id?: string | null | undefined;
}

/** Makes an account. */
export interface RegisterRequest extends Identified {
  readonly type: "register";
  readonly name: string;
  readonly password: string;
}

/** Says who one is: by name and password, or by a token. */
export interface LoginRequest extends Identified {
  readonly type: "login";
  readonly name?: string | null | undefined;
  readonly password?: string | null | undefined;
  readonly token?: string | null | undefined;
  readonly device?: string | null | undefined;
  readonly cursor?: Cursor | null | undefined;
  /** Orders the logins of a device, as it knows it: of two the one with the greater number is the newer one, whichever is carried out first. */
  readonly attempt?: number | null | undefined;
}

/** Ends this login, or with `all` every login of the user. */
export interface LogoutRequest extends Identified {
  readonly type: "logout";
  readonly all?: boolean | null | undefined;
}

/** Changes the password, and ends the user's other sessions. */
export interface PasswordRequest extends Identified {
  readonly type: "password";
  readonly old: string;
  readonly new: string;
}

/** Sends a message. The id makes a repeat harmless. */
export interface SendRequest {
  readonly type: "send";
  readonly id: string;
  readonly to: string;
  readonly text: string;
  /** A number that the client raises after a refusal: what is of an earlier round than that is refused, too. */
  readonly round?: number | null | undefined;
}

/** Sends something that is not stored, to a user or a group: at most once. */
export interface SignalRequest extends Identified {
  readonly type: "signal";
  readonly to: string;
  /** Any JSON of at most `MAX_SIGNAL_BYTES`. */
  readonly data: unknown;
}

/** Says how far the user has read a conversation. */
export interface ReadRequest extends Identified {
  readonly type: "read";
  readonly conversation: string;
  readonly seq: number;
}

/** Changes how one stands to another user. */
export interface FriendRequest extends Identified {
  readonly type: "friend.request" | "friend.accept" | "friend.remove" | "friend.block" | "friend.unblock";
  readonly name: string;
}

/** Asks for one's friends. */
export interface FriendListRequest extends Identified {
  readonly type: "friend.list";
}

/** Makes a group. */
export interface GroupCreateRequest extends Identified {
  readonly type: "group.create";
  readonly group: string;
  /** @default {"invite"} */
  readonly mode?: "open" | "invite" | null | undefined;
}

/** Joins or leaves a group, or ends it. */
export interface GroupChangeRequest extends Identified {
  readonly type: "group.join" | "group.leave" | "group.delete";
  readonly group: string;
}

/** Invites somebody into a group, or removes a member. */
export interface GroupMemberRequest extends Identified {
  readonly type: "group.invite" | "group.remove";
  readonly group: string;
  readonly name: string;
}

/** Asks for one's groups, in pages. */
export interface GroupListRequest extends Identified {
  readonly type: "group.list";
  /** Groups whose names come after this one. */
  readonly after?: string | null | undefined;
  readonly limit?: number | null | undefined;
}

/** Asks for the members of a group, in pages. */
export interface GroupMembersRequest extends Identified {
  readonly type: "group.members";
  readonly group: string;
  /** Members whose names come after this one. */
  readonly after?: string | null | undefined;
  readonly limit?: number | null | undefined;
}

/** Says up to where the device has read its inbox. Has no answer. */
export interface AckRequest extends Identified {
  readonly type: "ack";
  readonly inbox: number;
  /** Of which history `inbox` is. @default {the session's} */
  readonly epoch?: string | null | undefined;
  /** The stamp of that entry: an ack of what is another entry by now changes nothing. */
  readonly stamp?: number | null | undefined;
}

/** Asks for entries of the inbox again. */
export interface SyncRequest extends Identified {
  readonly type: "sync";
  readonly inbox: number;
  readonly limit?: number | null | undefined;
}

/** Asks for older messages of a conversation. */
export interface HistoryRequest extends Identified {
  readonly type: "history";
  readonly with: string;
  readonly before?: number | null | undefined;
  readonly limit?: number | null | undefined;
}

/** Asks for the conversations that one is in, in pages. */
export interface ConversationListRequest extends Identified {
  readonly type: "conversation.list";
  /** Conversations whose names come after this one. */
  readonly after?: string | null | undefined;
  readonly limit?: number | null | undefined;
}

/** Asks whether the server is there. */
export interface PingRequest extends Identified {
  readonly type: "ping";
}

/** A request as it was understood. Its `type` tells which. */
export type Request =
  | RegisterRequest
  | LoginRequest
  | LogoutRequest
  | PasswordRequest
  | SendRequest
  | SignalRequest
  | AckRequest
  | SyncRequest
  | HistoryRequest
  | ReadRequest
  | ConversationListRequest
  | FriendRequest
  | FriendListRequest
  | GroupCreateRequest
  | GroupChangeRequest
  | GroupMemberRequest
  | GroupListRequest
  | GroupMembersRequest
  | PingRequest;
