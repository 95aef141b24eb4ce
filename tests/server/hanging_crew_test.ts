/**
 * A crew of two reactors of which one is stopped, as they serve clients.
 *
 * @module
 */
import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import type { Address } from "../../src/net/mod.ts";
import { Crew, type End, type Hang, startChild } from "../../src/server/mod.ts";
import { employ, REACTOR_WORKER } from "../../src/server/model/employ.ts";
import { eventually } from "../helpers.ts";
import { test } from "../testing.ts";
import { Client } from "./model_subject.ts";

const HANDLER = new URL("./model/subject_handler.ts", import.meta.url).href;

/** Two processes that share a port. Disposing ends them, hanging or not. */
async function crewOfTwo(watch: { readonly intervalMs: number; readonly unanswered: number }) {
  const told: (Hang | End)[] = [];
  const model = { listen: { host: "127.0.0.1", port: 0 }, onEnd: (end: End) => void told.push(end) };
  const crew = new Crew({
    model,
    start: () => startChild(REACTOR_WORKER, []),
    employ: (worker, listen, progress) =>
      employ(worker, { handler: HANDLER, model, listen, places: 100, ...progress }),
    onHang: (_, hang) => void told.push(hang),
    watch,
  });
  const address = await crew.start(2, model.listen);
  assert(address);
  return {
    address,
    crew,
    told,
    async [Symbol.asyncDispose]() {
      crew.kill();
      await crew.stop(0);
    },
  };
}

/** A client of a reactor whose process is not one of `known`, and that process. */
async function meet(address: Address, known: readonly number[]): Promise<readonly [Client, number]> {
  let met: readonly [Client, number] | undefined;
  await eventually("another reactor", async () => {
    const client = await Client.connect(address);
    const who = await client.ask("who").catch(() => "");
    const pid = Number.parseInt(who, 10);
    if (pid > 0 && !known.includes(pid)) met = [client, pid];
    else await client[Symbol.asyncDispose]();
    return met !== undefined;
  });
  assert(met);
  return met;
}

test("a reactor that is stopped is killed: its clients are reset, those of the other go on, and another one takes its place", async () => {
  await using world = await crewOfTwo({ intervalMs: 100, unanswered: 30 });
  const { address, told } = world;
  const [lost, doomed] = await meet(address, []);
  const [kept, other] = await meet(address, [doomed]);
  process.kill(doomed, "SIGSTOP");
  await lost.recorder.gone;
  assertEquals(await kept.ask("still here"), "still here");
  const [late, successor] = await meet(address, [doomed, other]);
  assert(successor !== doomed);
  assertEquals(told, [{ silentMs: 3000, isKilled: true }, { signal: "SIGKILL" }]);
  for (const client of [lost, kept, late]) await client[Symbol.asyncDispose]();
});

test("nobody is asked any more once a crew is told to stop: a reactor that hangs is killed by its grace alone", async () => {
  await using world = await crewOfTwo({ intervalMs: 25, unanswered: 10 });
  const { address, crew, told } = world;
  const [client, doomed] = await meet(address, []);
  process.kill(doomed, "SIGSTOP");
  await crew.stop(0);
  await client.recorder.gone;
  await client[Symbol.asyncDispose]();
  assertEquals(told, []);
});
