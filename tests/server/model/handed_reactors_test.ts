import { assertEquals } from "@std/assert";
import { test } from "../../testing.ts";
import { testModel } from "../model_conformance.ts";
import { Client, type Subject, serve } from "../model_subject.ts";
import { REACTOR_GAPS } from "./gaps.ts";

const SUBJECT: Subject = {
  name: "reactors-in-processes by hand-over",
  model: "reactors-in-processes",
  spread: "hand-over",
  gaps: REACTOR_GAPS,
};

testModel(SUBJECT);

test("hand-over gives connections to the children in turn", async () => {
  await using served = await serve(SUBJECT, { workers: 2 });
  const clients: Client[] = [];
  const who: string[] = [];
  for (let turn = 0; turn < 4; turn++) {
    const client = await Client.connect(served.server.address);
    clients.push(client);
    who.push(await client.ask("who"));
  }
  const [one, other] = who;
  assertEquals([who, new Set(who).size], [[one, other, one, other], 2]);
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
});
