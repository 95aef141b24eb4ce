/**
 * Accounts, logs and inboxes: what a chat server must not lose. In a data folder for one machine, in Redis for many.
 *
 * What only one kind of store needs is loaded when a store of that kind is first opened.
 *
 * @module
 */
export {
  DEDUPE_IDS,
  DEDUPE_MS,
  type DeviceState,
  type Durability,
  type InboxEntry,
  type InboxState,
  type LogEntry,
  type LogPage,
  MAX_DEVICES,
  MAX_INBOX_ENTRIES,
  MAX_LOG_ENTRIES,
  type Outgoing,
  type ReadLimits,
  type SendResult,
  type Store,
  StoreError,
  type StoreErrorCode,
  type Token,
  type User,
} from "./contract.ts";
export type { StoreLimits } from "./limits.ts";
export { inboxOfLine, messageLine, messageTail, randomStamp } from "./line.ts";
export { openWriter, redisStore, sqliteStore } from "./open.ts";
export type { RedisStoreOptions } from "./redis/store.ts";
export { remoteWriter, serveWriter } from "./sqlite/remote_writer.ts";
export type { SqliteStoreOptions } from "./sqlite/store.ts";
export type { WriterOptions } from "./sqlite/writer.ts";
export type { Hint, StoreActivity, StoreErrorHandler, WriteOp, WriteResult, Writer } from "./write.ts";
