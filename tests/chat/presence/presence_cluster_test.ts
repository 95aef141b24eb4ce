import { assert, assertEquals } from "@std/assert";
import { GONE_MS } from "../../../src/chat/presence/mod.ts";
import { startProgram } from "../../cli/program.ts";
import { RawClient, toAddress } from "../../helpers.ts";
import { redisServer } from "../../redis_server.ts";
import { test } from "../../testing.ts";
import { befriend, eventsOf, ok } from "../requests/social_steps.ts";

test("when a server is killed, friends of its users are told within ten seconds, and of their coming back at once", async () => {
  await using redis = await redisServer();
  const flags = ["chat", "--redis", redis.url, "--listen", "127.0.0.1:0"];
  await using doomed = startProgram(flags);
  await using living = startProgram(flags);
  const [first, second] = await Promise.all(
    [doomed, living].map(async (program) => toAddress((await program.ready()).tcp ?? "")),
  );
  assert(first && second);
  await using bob = await RawClient.login(second, "bob");
  await using ada = await RawClient.login(first, "ada");
  await using eve = await RawClient.login(first, "eve", { device: "phone" });
  await using eveToo = await RawClient.login(second, "eve", { device: "laptop" });
  await befriend(ada, "ada", bob, "bob");
  await befriend(eve, "eve", bob, "bob");
  // Answered by the presence after it was told of all who are on that server.
  await ok(bob, { type: "friend.list" });
  doomed.signal("SIGKILL");
  const killedAt = performance.now();
  await Promise.all([ada.closed, eve.closed]);
  const went = () => eventsOf(bob, "presence").filter((event) => "online" in event && !event.online);
  await bob.until("ada to go", () => (went().length > 0 ? true : undefined));
  assert(performance.now() - killedAt <= GONE_MS, `after ${performance.now() - killedAt} ms`);
  assertEquals(went(), [{ name: "ada", online: false }]);
  const states = [
    { name: "ada", state: "friend", online: false },
    { name: "eve", state: "friend", online: true },
  ];
  assertEquals((await ok(bob, { type: "friend.list" })).friends, states);
  await using again = await RawClient.login(second, "ada");
  await bob.until("ada to come back", () => isBack(bob));
  for (const client of [again, eveToo]) await ok(client, { type: "friend.list" });
});

function isBack(client: RawClient): true | undefined {
  const last = client.frames.findLast(({ type, name }) => type === "presence" && name === "ada");
  return last?.online === true ? true : undefined;
}
