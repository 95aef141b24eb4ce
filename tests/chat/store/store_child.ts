/**
 * A process that uses a data folder, started by the tests: what it does, then the folder.
 *
 * @module
 */
import process from "node:process";
import {
  openWriter,
  remoteWriter,
  StoreError,
  sqliteStore,
  type Writer,
} from "../../../src/chat/store/mod.ts";
import { type Channel, parentChannel } from "../../../src/server/mod.ts";
import { outgoing } from "./store_steps.ts";

const [mode, dir = ""] = process.argv.slice(2);

function open(): Promise<Writer> {
  return openWriter({ dir, hint: () => undefined, onError: (error) => reportError(error) });
}

function reportError(error: unknown): never {
  throw error;
}

/** Takes the folder, if it can, and keeps it until it is killed: a writer that nobody refers to is collected, and closed. */
async function hold(channel: Channel): Promise<void> {
  try {
    await using writer = await open();
    channel.send("opened", "ok");
    await channel.closed;
    await writer.close();
  } catch (error) {
    channel.send("opened", error instanceof StoreError ? error.code : String(error));
  }
}

/** Opens the folder as a user with no rights of their own, and says how that went. */
async function openAsNobody(channel: Channel): Promise<void> {
  process.setuid?.(65_534);
  try {
    await using writer = await open();
    channel.send("opened", writer.durable);
  } catch (error) {
    channel.send("opened", String(error));
  }
}

/** Sends until it is killed, ten at a time, and tells of each message only when it is stored. */
async function flood(channel: Channel): Promise<void> {
  await using store = await sqliteStore({ dir, writer: await open() });
  const sendForEver = async (): Promise<void> => {
    for (;;) {
      const message = outgoing();
      const result = await store.send(message);
      if (!channel.send("stored", { id: message.id, result })) return;
    }
  };
  await Promise.all(Array.from({ length: 10 }, sendForEver));
}

/** Sends through its parent and reads by itself. */
async function remote(channel: Channel): Promise<void> {
  await using store = await sqliteStore({ dir, writer: remoteWriter(channel, "disk") });
  const text = '\0 "👍"';
  const results = await Promise.all(Array.from({ length: 100 }, () => store.send(outgoing({ text }))));
  const entries = await store.readInbox("bob", 0, { count: 1000, bytes: 1e6 });
  channel.send("sent", { results, lines: entries.map(({ line }) => new TextDecoder().decode(line)) });
}

const channel = parentChannel();
if (channel) {
  void channel.closed.then(() => process.exit(0));
  if (mode === "hold") await hold(channel);
  if (mode === "open_as_nobody") await openAsNobody(channel);
  if (mode === "flood") await flood(channel);
  if (mode === "remote") await remote(channel);
}
