import { assert, assertEquals, assertRejects } from "@std/assert";
import { AcceptingGate } from "../../../src/balancer/workers/gate.ts";
import { type Connection, NetError, systemDriver } from "../../../src/net/mod.ts";
import { LOOPBACK, Recorder } from "../../net/recording.ts";
import { test } from "../../testing.ts";

test("a gate listens no more while it is crowded, keeps who is there, and listens again where it did", async () => {
  let crowd: "crowded" | "between" | "roomy" = "roomy";
  const changes: boolean[] = [];
  const errors: unknown[] = [];
  const gate = new AcceptingGate({
    shares: 1,
    judge: () => crowd,
    onChange: (isOpen) => void changes.push(isOpen),
    onError: (error) => void errors.push(error),
  });
  const clients: Connection[] = [];
  await using listener = await gate.over(systemDriver()).listen(LOOPBACK, (client) => {
    clients.push(client);
    client.write(new TextEncoder().encode("hello"));
    return { data: () => undefined, close: () => undefined };
  });
  crowd = "between";
  const first = new Recorder();
  const connection = await systemDriver().connect(listener.address, first);
  await first.received(5);
  crowd = "crowded";
  gate.check();
  await gate.settled();
  await assertRejects(() => systemDriver().connect(listener.address, new Recorder()), NetError);
  crowd = "between";
  gate.check();
  await gate.settled();
  await assertRejects(() => systemDriver().connect(listener.address, new Recorder()), NetError);

  crowd = "roomy";
  gate.check();
  await gate.settled();
  const second = new Recorder();
  const other = await systemDriver().connect(listener.address, second);
  await second.received(5);
  assertEquals([changes, errors, clients.length], [[false, true], [], 2]);
  assert(!first.events.includes("close"));
  connection.abort();
  other.abort();
  for (const client of clients) client.abort();
});
