/**
 * Accounts, logs and inboxes: what a chat server must not lose. In a data folder for one machine, in Redis for many.
 *
 * What only one kind of store needs is loaded when a store of that kind is first opened.
 *
 * @module
 */
export * from "./account.ts";
export {
  type ConversationEntry,
  DEDUPE_IDS,
  DEDUPE_MS,
  DEVICE_MS,
  type Durability,
  type InboxEntry,
  type InboxHint,
  LOG_MS,
  type LogEntry,
  type LogPage,
  MAX_DELIVERY_TRIES,
  MAX_INBOX_BYTES,
  MAX_INBOX_ENTRIES,
  MAX_LOG_ENTRIES,
  MAX_RECEIPT_MEMBERS,
  MAX_UNREAD,
  type MessageStore,
  type Outgoing,
  type OwnEntry,
  type ReadLimits,
  type ReadResult,
  type Receipt,
  type SendResult,
  type Store,
  type StoreActivity,
  StoreError,
  type StoreErrorCode,
  type StoreErrorHandler,
  type Unread,
} from "./contract.ts";
export * from "./friend.ts";
export * from "./group.ts";
export type { StoreLimits } from "./limits.ts";
export { messageLine, messageTail, randomStamp, readHint } from "./line.ts";
export { openWriter, redisStore, sqliteStore } from "./open.ts";
export { isSilence } from "./redis/error.ts";
export type { RedisStoreOptions } from "./redis/store.ts";
export { remoteWriter, serveWriter } from "./sqlite/remote_writer.ts";
export type { SqliteStoreOptions } from "./sqlite/store.ts";
export type { Hint, WriteOp, WriteResult, Writer } from "./sqlite/write.ts";
export type { WriterOptions } from "./sqlite/writer.ts";
