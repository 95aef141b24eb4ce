import type { DatabaseSync } from "node:sqlite";
import { ADDED_IN_2, ADDED_IN_4, ENTRIES, MARKS, NO_FINGERPRINT, SCHEMA_VERSION } from "./schema.ts";

/**
 * What was delivered before there were receipts counts as read: nobody wants a mark at every message they ever got.
 */
const FROM_1_TO_2 = `
ALTER TABLE conversations ADD COLUMN top INTEGER NOT NULL DEFAULT 0;
ALTER TABLE marks RENAME TO marks_of_1;
${MARKS}
INSERT INTO marks (user, conversation, seq, read, delivered)
  SELECT user, conversation, seq, seq, seq FROM marks_of_1;
DROP TABLE marks_of_1;
${ADDED_IN_2}
INSERT INTO inbox_bytes (chunk, bytes) SELECT place >> 8, sum(length(tail)) FROM inboxes GROUP BY place >> 8;
`;

/** Every entry is written once more, which takes about a second for each 100 MB, and room for as much again that is used later. */
const FROM_2_TO_3 = `
ALTER TABLE messages RENAME TO messages_of_2;
ALTER TABLE inboxes RENAME TO inboxes_of_2;
${ENTRIES}
INSERT INTO messages (place, stamp, tail) SELECT place, stamp, tail FROM messages_of_2 ORDER BY place;
INSERT INTO inboxes (place, stamp, seq, is_gap, tail)
  SELECT place, stamp, seq, is_gap, tail FROM inboxes_of_2 ORDER BY place;
DROP TABLE messages_of_2;
DROP TABLE inboxes_of_2;
`;

const FROM_4_TO_5 = `
ALTER TABLE dedupe DROP COLUMN hash;
ALTER TABLE dedupe ADD COLUMN fingerprint INTEGER NOT NULL DEFAULT ${NO_FINGERPRINT};
`;

/** How to get from each older version to the next one. */
const STEPS: readonly (readonly [from: number, sql: string])[] = [
  [1, FROM_1_TO_2],
  [2, FROM_2_TO_3],
  [3, ADDED_IN_4],
  [4, FROM_4_TO_5],
];

/**
 * Brings a database of an older version to {@linkcode SCHEMA_VERSION}, in one transaction: a start that is cut short leaves it as it was.
 *
 * @param from The version it has.
 */
export function migrate(database: DatabaseSync, from: number): void {
  if (from === SCHEMA_VERSION) return;
  const sql = STEPS.filter(([version]) => version >= from).map(([, step]) => step);
  database.exec("BEGIN IMMEDIATE");
  try {
    database.exec(`${sql.join("")} PRAGMA user_version = ${SCHEMA_VERSION};`);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
