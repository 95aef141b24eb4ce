import process from "node:process";
import { assert } from "@std/assert";
import { memory } from "../../bench/micro/memory.ts";
import { systemDriver } from "../../src/net/mod.ts";
import { test } from "../testing.ts";
import { type ConnectionPair, connectionPair } from "./recording.ts";

const CONNECTIONS = 100;
/** More than an idle connection waits with, and less than one read may bring. */
const ANSWER_BYTES = 50_000;
/** Less than such a read needs. */
const MOST_HELD = 16_384;

async function bufferBytes(): Promise<number> {
  await memory();
  const { external, arrayBuffers } = process.memoryUsage();
  return external + arrayBuffers;
}

test("a connection that is idle again holds no buffer for what came before", async () => {
  await using opened = new AsyncDisposableStack();
  const pairs: ConnectionPair[] = [];
  for (let index = 0; index < CONNECTIONS; index++)
    pairs.push(opened.use(await connectionPair(systemDriver())));
  const before = await bufferBytes();
  for (const { client, server } of pairs) {
    client.recorder.onData = () => undefined;
    server.connection.write(new Uint8Array(ANSWER_BYTES));
    await client.recorder.received(ANSWER_BYTES);
  }
  const held = ((await bufferBytes()) - before) / CONNECTIONS;
  assert(held < MOST_HELD, `${Math.round(held)} bytes are held for a connection`);
});
