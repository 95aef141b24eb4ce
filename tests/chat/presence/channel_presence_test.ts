import { assertEquals, assertRejects } from "@std/assert";
import { channelPresence, PresenceError, presenceHub } from "../../../src/chat/presence/mod.ts";
import { startChild } from "../../../src/server/mod.ts";
import { channelPair } from "../../bus/channel_pair.ts";
import { test } from "../../testing.ts";
import { GoneLog } from "./gone_log.ts";
import { testPresence } from "./presence_conformance.ts";
import { unexpected } from "./unexpected.ts";

testPresence("channel", async () => {
  const hub = presenceHub();
  return {
    async start(server) {
      const { parent, child, break: breakChannel } = channelPair();
      hub.attach(parent);
      const gone = new GoneLog();
      const presence = channelPresence(child, { server, onGone: gone.onGone, onError: unexpected });
      return {
        presence,
        gone,
        crash: async () => breakChannel(),
        async [Symbol.asyncDispose]() {
          await presence[Symbol.asyncDispose]();
          breakChannel();
        },
      };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});

test("a child process that is killed is gone at once, and another child is told of its users", async () => {
  const hub = presenceHub();
  const child = await startChild(new URL("./presence_child.ts", import.meta.url).href, [
    "channel",
    "ann",
    "bob",
  ]);
  hub.attach(child.channel);
  await new Promise<void>((resolve) => child.channel.on("ready", () => resolve()));
  const living = channelPair();
  hub.attach(living.parent);
  const gone = new GoneLog();
  const options = { server: "living", onGone: gone.onGone, onError: unexpected };
  await using presence = channelPresence(living.child, options);
  assertEquals(await presence.arrive("bob"), false);
  child.kill("SIGKILL");
  await gone.told("ann");
  assertEquals(gone.names, ["ann"]);
  assertEquals(hub.children, 1);
  await child.exited;
});

test("what a child did not live to pass on is told to another one", async () => {
  const hub = presenceHub();
  const [dying, silent] = [channelPair(), channelPair()];
  for (const { parent } of [dying, silent]) hub.attach(parent);
  const options = { server: "dying", onGone: unexpected, onError: unexpected };
  const presence = channelPresence(dying.child, options);
  await Promise.all(["ann", "bob"].map((user) => presence.arrive(user)));
  // Nobody reads what the hub tells to this one.
  dying.break();
  const living = channelPair();
  hub.attach(living.parent);
  const gone = new GoneLog();
  await using alive = channelPresence(living.child, { ...options, onGone: gone.onGone });
  await alive.arrive("bob");
  silent.break();
  await gone.told("ann");
  assertEquals(gone.names, ["ann"]);
});

test("a child without its parent cannot tell who is online", async () => {
  const { child, break: breakChannel } = channelPair();
  const options = { server: "one", onGone: unexpected, onError: unexpected };
  await using presence = channelPresence(child, options);
  const asked = assertRejects(() => presence.online(["ann"]), PresenceError);
  breakChannel();
  await asked;
  await assertRejects(() => presence.arrive("ann"), PresenceError);
});

test("a child whose parent does not answer in time cannot tell who is online", async () => {
  const { child } = channelPair();
  const options = { server: "one", onGone: unexpected, onError: unexpected, deadlineMs: 50 };
  await using presence = channelPresence(child, options);
  await assertRejects(() => presence.online(["ann"]), PresenceError);
});

test("what onGone throws is reported, and the next ones are told nevertheless", async () => {
  const hub = presenceHub();
  const [living, first, second] = [channelPair(), channelPair(), channelPair()];
  for (const { parent } of [living, first, second]) hub.attach(parent);
  const gone = new GoneLog();
  const errors: unknown[] = [];
  const quiet = { server: "dying", onGone: () => undefined, onError: unexpected };
  await channelPresence(first.child, quiet).arrive("ann");
  await channelPresence(second.child, quiet).arrive("bob");
  await using _ = channelPresence(living.child, {
    server: "living",
    onGone(users) {
      gone.onGone(users);
      throw new Error("no");
    },
    onError: (error) => errors.push(error),
  });
  first.break();
  await gone.told("ann");
  second.break();
  await gone.told("bob");
  assertEquals(errors.map(String), ["Error: no", "Error: no"]);
});
