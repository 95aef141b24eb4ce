/** Marks a SQLite file as ours. */
export const APPLICATION_ID = 0x43_48_4f_52;

/** The version of {@linkcode SCHEMA}, kept as the file's `user_version`. */
export const SCHEMA_VERSION = 1;

/**
 * The tables.
 *
 * - `place` is the owner's id in the upper 32 bits and the entry's number in the lower: the rows of one log, or of one inbox, lie
 *   side by side in the order of their numbers, and one tree serves as table and index.
 * - Tops and floors are not kept: they are the largest and the smallest place, and so cannot disagree with the entries.
 * - What people typed (devices, client ids, tails) is UTF-8 JSON in BLOBs: some runtimes cut TEXT at a NUL.
 * - An inbox entry holds its own copy of the message's tail, so that trimming a log never empties an inbox.
 */
export const SCHEMA = `
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  password TEXT NOT NULL,
  epoch TEXT NOT NULL,
  generation INTEGER NOT NULL DEFAULT 0,
  acked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE tokens (
  hash TEXT PRIMARY KEY,
  user TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_user ON tokens (user);
CREATE INDEX tokens_by_expiry ON tokens (expires_at);
CREATE TABLE devices (
  user INTEGER NOT NULL,
  device BLOB NOT NULL,
  acked INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  PRIMARY KEY (user, device)
) STRICT, WITHOUT ROWID;
CREATE TABLE conversations (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE messages (
  place INTEGER PRIMARY KEY,
  stamp INTEGER NOT NULL,
  tail BLOB NOT NULL
) STRICT;
CREATE TABLE inboxes (
  place INTEGER PRIMARY KEY,
  stamp INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  is_gap INTEGER NOT NULL,
  tail BLOB NOT NULL
) STRICT;
CREATE TABLE marks (
  user INTEGER NOT NULL,
  conversation INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  stamp INTEGER NOT NULL,
  PRIMARY KEY (user, conversation)
) STRICT, WITHOUT ROWID;
CREATE TABLE senders (
  id INTEGER PRIMARY KEY,
  user INTEGER NOT NULL,
  device BLOB NOT NULL,
  used_at INTEGER NOT NULL,
  UNIQUE (user, device)
) STRICT;
CREATE TABLE dedupe (
  sender INTEGER NOT NULL,
  conversation INTEGER NOT NULL,
  id BLOB NOT NULL,
  number INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (sender, conversation, id)
) STRICT, WITHOUT ROWID;
`;

/** The largest number that a place has room for; also the mask that reads it. */
export const MAX_NUMBER = 0xff_ff_ff_ff;
