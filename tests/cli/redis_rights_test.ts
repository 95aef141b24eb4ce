import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals } from "@std/assert";
import { eventually, RawClient } from "../helpers.ts";
import { redisCommand } from "../redis_command.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { partAddress, startProgram } from "./program.ts";

/** The rights that the documents say a Redis user of our own needs: what always, and what with `--durable disk`. */
function documentedRights(): readonly string[] {
  const text = readFileSync(join(import.meta.dirname ?? ".", "../../docs/operating.md"), "utf8");
  const [, always = "", forDisk = ""] =
    /A Redis user of their own \(ACL\) needs\s+`([^`]+)`, with `--durable disk` also `([^`]+)`/.exec(text) ??
    [];
  return [...always.split(" "), forDisk];
}

test("a balancer and chat servers do all of their work with the rights at Redis that the documents name", async () => {
  await using redis = await redisServer({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  const rights = documentedRights();
  assert(rights.length > 5, "the documents name none");
  await redisCommand(redis.port, "ACL", "SETUSER", "chorus", "on", ">secret", "~*", "&*", ...rights);
  const url = redis.url.replace("redis://", "redis://chorus:secret@");
  const shared = ["--redis", url, "--grace", "200ms", "--listen", "127.0.0.1:0"];
  await using balancer = startProgram(["balance", ...shared]);
  const durable = ["--durable", "disk"];
  await using one = startProgram(["chat", "--id", "one", ...shared, ...durable]);
  await using two = startProgram(["chat", "--id", "two", ...shared, ...durable]);
  const tcp = partAddress(await balancer.ready(), "tcp");
  await Promise.all([one.ready(), two.ready()]);
  await eventually("both servers", () => balancer.stderr.split(" is up, ").length > 2);

  await using ada = await RawClient.login(tcp, "ada");
  await using bob = await RawClient.login(tcp, "bob");
  for (const frame of [
    { type: "friend.request", name: "bob" },
    { type: "group.create", group: "#all" },
    { type: "group.invite", group: "#all", name: "bob" },
    { type: "password", old: "secret", new: "another" },
  ])
    assertEquals((await ada.ask(frame)).type, "ok", JSON.stringify(frame));
  assertEquals((await bob.ask({ type: "friend.accept", name: "ada" })).type, "ok");
  assertEquals((await bob.ask({ type: "group.join", group: "#all" })).type, "ok");
  // So many that inboxes are looked at for their size.
  for (let count = 0; count < 300; count++)
    assertEquals((await ada.ask({ type: "send", to: "bob", text: `${count}` })).type, "ok");
  assertEquals((await ada.ask({ type: "send", to: "#all", text: "to all" })).type, "ok");
  assertEquals((await bob.hasMessages(301)).at(-1)?.text, "to all");
  for (const type of ["friend.list", "group.list", "conversation.list"])
    assertEquals((await bob.ask({ type })).type, "ok");
  assertEquals((await bob.ask({ type: "history", with: "#all" })).type, "ok");
  for (const program of [one, two, balancer]) assert(!program.stderr.includes("NOPERM"), program.stderr);
});
