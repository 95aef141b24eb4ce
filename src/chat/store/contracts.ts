/**
 * Every type that a store is made of, for who writes another one. Its operations are the chat server's: they are not to be called beside it.
 *
 * @module
 */
export type {
  AccountStore,
  DeviceState,
  InboxFinding,
  InboxPlace,
  InboxState,
  LoginFailures,
  LoginTry,
  Reached,
  Token,
  User,
} from "./account.ts";
export type {
  ConversationEntry,
  Durability,
  InboxEntry,
  InboxHint,
  LogEntry,
  LogPage,
  MessageStore,
  Outgoing,
  OwnEntry,
  ReadLimits,
  ReadResult,
  Receipt,
  SendResult,
  Store,
  StoreActivity,
  StoreError,
  StoreErrorCode,
  StoreErrorHandler,
  Unread,
} from "./contract.ts";
export type {
  Friend,
  FriendAction,
  FriendResult,
  FriendState,
  FriendStore,
} from "./friend.ts";
export type {
  GroupChange,
  GroupEntry,
  GroupMember,
  GroupMode,
  GroupResult,
  GroupStore,
  Page,
} from "./group.ts";
export type { StoreLimits } from "./limits.ts";
export type {
  Relation,
  RelationChange,
} from "./relation.ts";
export type {
  DeviceOp,
  Hint,
  MessageOp,
  SocialOp,
  UserOp,
  WriteOp,
  WriteResult,
  Writer,
} from "./sqlite/write.ts";
