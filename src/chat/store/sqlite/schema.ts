/** Marks a SQLite file as ours. */
export const APPLICATION_ID = 0x43_48_4f_52;

/** The version of {@linkcode SCHEMA}, kept as the file's `user_version`. */
export const SCHEMA_VERSION = 5;

/** Marks: how far a user's inbox has taken a conversation, and how far the user has got and read it. */
export const MARKS = `
CREATE TABLE marks (
  user INTEGER NOT NULL,
  conversation INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  read INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  PRIMARY KEY (user, conversation)
) STRICT, WITHOUT ROWID;
`;

/**
 * Logs and inboxes: rows lie in the order in which they came, and where a row's place is, its index says.
 *
 * So what comes together is written together, at the end. With `place` for the key of a row, each inbox grew in the middle of the table, where SQLite
 * divides full pages evenly over their neighbors: a message to a group of 100 wrote three pages an inbox, now it is little more than one, which is a third less
 * processor time for all of it.
 */
export const ENTRIES = `
CREATE TABLE messages (
  arrival INTEGER PRIMARY KEY,
  place INTEGER NOT NULL UNIQUE,
  stamp INTEGER NOT NULL,
  tail BLOB NOT NULL
) STRICT;
CREATE TABLE inboxes (
  arrival INTEGER PRIMARY KEY,
  place INTEGER NOT NULL UNIQUE,
  stamp INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  is_gap INTEGER NOT NULL,
  tail BLOB NOT NULL
) STRICT;
`;

/** What of the journal is in the tables: the number of its last batch. */
export const ADDED_IN_4 = `
CREATE TABLE journal (
  applied INTEGER NOT NULL
) STRICT;
INSERT INTO journal (applied) VALUES (0);
`;

/** Stands where an earlier version remembered something else of a text: there, a repeat is taken for one. */
export const NO_FINGERPRINT = -1;

/** What version 2 has more than version 1. */
export const ADDED_IN_2 = `
CREATE TABLE inbox_bytes (
  chunk INTEGER PRIMARY KEY,
  bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE friends (
  user INTEGER NOT NULL,
  other INTEGER NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (user, other)
) STRICT, WITHOUT ROWID;
CREATE TABLE groups (
  conversation INTEGER PRIMARY KEY,
  mode TEXT NOT NULL,
  owner INTEGER NOT NULL
) STRICT;
CREATE TABLE members (
  conversation INTEGER NOT NULL,
  user INTEGER NOT NULL,
  number INTEGER NOT NULL,
  joined INTEGER NOT NULL,
  invited_by INTEGER NOT NULL,
  PRIMARY KEY (conversation, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_user ON members (user);
CREATE TABLE invitations (
  conversation INTEGER NOT NULL,
  user INTEGER NOT NULL,
  invited_by INTEGER NOT NULL,
  PRIMARY KEY (conversation, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX invitations_by_user ON invitations (user);
CREATE TABLE login_failures (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  name TEXT NOT NULL,
  host TEXT NOT NULL
) STRICT;
CREATE INDEX login_failures_by_name ON login_failures (name, at);
CREATE INDEX login_failures_by_host ON login_failures (host, at);
`;

/**
 * The tables.
 *
 * - `place` is the owner's id in the upper 32 bits and the entry's number in the lower: in its index one log, or one inbox, lies
 *   side by side in the order of its numbers.
 * - Tops and floors are not kept: they are the largest and the smallest place, and so cannot disagree with the entries. Only for a
 *   log that was emptied by age does `conversations.top` say where it stood. The newest entry of an inbox is never removed.
 * - What people typed (devices, client ids, tails) is UTF-8 JSON in BLOBs: some runtimes cut TEXT at a NUL.
 * - An inbox entry holds its own copy of the message's tail, so that trimming a log never empties an inbox.
 * - `inbox_bytes` sums up 256 neighboring entries of an inbox; `chunk` is their `place >> 8`.
 * - `members.number` orders the members of a group by when they joined, `joined` is the newest message of that moment. A group that
 *   is gone leaves its row in `conversations`.
 */
export const SCHEMA: string = `
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
  name TEXT NOT NULL UNIQUE,
  top INTEGER NOT NULL DEFAULT 0
) STRICT;
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
  fingerprint INTEGER NOT NULL,
  PRIMARY KEY (sender, conversation, id)
) STRICT, WITHOUT ROWID;
${MARKS}
${ENTRIES}
${ADDED_IN_2}
${ADDED_IN_4}
`;

/** The largest number that a place has room for; also the mask that reads it. */
export const MAX_NUMBER = 0xff_ff_ff_ff;
