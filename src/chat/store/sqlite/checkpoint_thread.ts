/**
 * A thread that brings a database's WAL into it when it is asked to.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { parentThread } from "../../../server/mod.ts";
import { CHECKPOINT, CLOSE } from "./checkpoints.ts";

const parent = parentThread();
let database: DatabaseSync | undefined;

parent?.on(CHECKPOINT, (path) => parent.send(CHECKPOINT, checkpoint(String(path))));
parent?.on(CLOSE, () => {
  database?.close();
  database = undefined;
  parent.send(CLOSE, undefined);
});

/** @returns Why it failed. */
function checkpoint(path: string): string | undefined {
  try {
    database ??= new DatabaseSync(path);
    database.exec("PRAGMA wal_checkpoint(PASSIVE)");
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}
