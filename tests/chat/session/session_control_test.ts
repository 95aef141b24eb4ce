import { assert, assertEquals, assertThrows } from "@std/assert";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { type ChatServers, chatServers } from "../chat_servers.ts";
import { ok } from "../requests/social_steps.ts";

function controlOf(cluster: ChatServers, index: number): ChatServers["servers"][number]["control"] {
  const server = cluster.servers[index];
  if (!server) throw new RangeError(`there is no server ${index}`);
  return server.control;
}

test("an operator lists the sessions of a server, all or those of one user, without those who are not logged in", async () => {
  await using cluster = await chatServers(2);
  const started = Date.now();
  await using guest = await RawClient.connect(cluster.at(0));
  await guest.ask({ type: "ping" });
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(0), "ada", { device: "laptop" });
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await using eve = await RawClient.login(cluster.at(1), "eve");
  for (const client of [phone, laptop, bob, eve]) await client.ask({ type: "ping" });
  const control = controlOf(cluster, 0);
  const all = control.list();
  assertEquals(
    all.map(({ server, user, device, address }) => [server, user, device, address]),
    [
      ["s0", "ada", "phone", "127.0.0.1"],
      ["s0", "ada", "laptop", "127.0.0.1"],
      ["s0", "bob", "default", "127.0.0.1"],
    ],
  );
  assertEquals(new Set(all.map(({ id }) => id)).size, 3);
  for (const { id, at, idleMs, queuedBytes, sentBytes } of all) {
    assert(/^s0\.\d+$/.test(id), id);
    assert(
      at >= started &&
        at <= Date.now() &&
        Number.isInteger(idleMs) &&
        idleMs >= 0 &&
        queuedBytes === 0 &&
        sentBytes > 0,
    );
  }
  assertEquals(
    control.list({ user: "Ada" }, 1).map(({ device }) => device),
    ["phone"],
  );
  assertEquals(control.list({ user: "eve" }), []);
});

test("an operator ends one session, which is told so, and no other", async () => {
  await using cluster = await chatServers(1);
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(0), "ada", { device: "laptop" });
  const control = controlOf(cluster, 0);
  const { id = "" } = control.list().find(({ device }) => device === "phone") ?? {};
  assertEquals([control.close(id), control.close(id), control.close("s0.999")], [true, false, false]);
  assertEquals((await phone.next("closing")).reason, "operator");
  await phone.closed;
  assertEquals((await laptop.ask({ type: "ping" })).type, "pong");
});

test("an operator ends all sessions of a user on all servers; their tokens are worth something unless they are revoked", async () => {
  await using cluster = await chatServers(2);
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(1), "ada", { device: "laptop" });
  await using bob = await RawClient.login(cluster.at(1), "bob");
  const token = phone.frames.find((frame) => frame.token !== undefined)?.token;
  const control = controlOf(cluster, 0);
  assertEquals(await control.closeUser("Ada"), true);
  for (const client of [phone, laptop]) assertEquals((await client.next("closing")).reason, "operator");
  await using again = await RawClient.connect(cluster.at(1));
  await ok(again, { type: "login", token });
  assertEquals(await control.closeUser("ada", { revoke: true }), true);
  await again.closed;
  await using refused = await RawClient.connect(cluster.at(1));
  assertEquals((await refused.ask({ type: "login", token })).code, "bad_credentials");
  assertEquals((await bob.ask({ type: "ping" })).type, "pong");
});

test("an operator who names no user of the cluster is told so", async () => {
  await using cluster = await chatServers(1);
  const control = controlOf(cluster, 0);
  assertEquals(await control.closeUser("nobody"), false);
  assertEquals(await control.closeUser("not a name"), false);
});

test("an announcement reaches every session of every server as it was written", async () => {
  await using cluster = await chatServers(2);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  await using bob = await RawClient.login(cluster.at(1), "bob");
  const text = 'down at 5 "sharp" \u{1F527}';
  const before = Date.now();
  await controlOf(cluster, 0).announce(text);
  for (const client of [ada, bob]) {
    const announcement = await client.next("announcement");
    assertEquals(announcement.text, text);
    assert(Number(announcement.at) >= before && Number(announcement.at) <= Date.now());
  }
});

test("an announcement that is empty, too long or not well-formed is refused and told to nobody", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  const control = controlOf(cluster, 0);
  for (const text of ["", "x".repeat(4097), "\ud800"]) assertThrows(() => control.announce(text), RangeError);
  await control.announce("x".repeat(4096));
  assertEquals(String((await ada.next("announcement")).text).length, 4096);
});
