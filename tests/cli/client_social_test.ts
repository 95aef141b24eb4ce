import { assertEquals, assertStringIncludes } from "@std/assert";
import { chatServers } from "../chat/chat_servers.ts";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { clientOf, linesOf } from "./piped_client.ts";

test("friends are asked for, accepted and listed by lines, and both hear of each other", async () => {
  await using cluster = await chatServers(1);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await bob.ask({ type: "friend.request", name: "ada" });
  await using ada = clientOf(cluster, "ada");
  await ada.says("connected");
  await bob.ask({ type: "friend.request", name: "ada" });
  ada.type("/friends\n/accept bob\n/friends\n/friend @zoe\n/friend\n");
  await ada.says("bob is your friend now");
  await ada.says("there is no user zoe");
  ada.endInput();
  assertEquals(await ada.end(), 1);
  assertEquals(linesOf(ada).at(-1), "bob friend online");
  assertStringIncludes(ada.stderr, "— /friend: there is no user zoe\n");
  assertStringIncludes(ada.stderr, "say it as /friend NAME\n");
});

test("a group is made, joined and talked in by lines", async () => {
  await using cluster = await chatServers(1);
  await using bob = clientOf(cluster, "bob");
  await bob.says("connected");
  await using ada = clientOf(cluster, "ada");
  ada.type("/create #crew\n/invite #crew bob\n");
  await bob.says("— you are invited to #crew: /join #crew\n");
  bob.type("/groups\n/join crew\n#crew hello all\n");
  await ada.says("#crew bob: hello all\n");
  ada.type("to all\n");
  await bob.says("#crew ada: to all\n");
  ada.type("/history #crew\n/members #crew\n/leave #crew\n/groups\n");
  ada.endInput();
  assertEquals(await ada.end(), 0);
  await bob.says("— ada left #crew\n");
  bob.endInput();
  assertEquals(await bob.end(), 0);
  assertEquals(linesOf(bob), [
    "#crew invited by ada: /join #crew",
    "you → #crew: hello all",
    "#crew ada: to all",
  ]);
  const shown = ["#crew bob: hello all", "you → #crew: to all"];
  assertEquals(linesOf(ada), [
    ...shown,
    ...shown,
    "ada owner online",
    "bob online",
    "— none yet: /create #GROUP makes one",
  ]);
});

test("what was shown counts as read, and the next login tells what is not", async () => {
  await using cluster = await chatServers(1);
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await using carol = await RawClient.login(cluster.at(0), "carol");
  await using first = clientOf(cluster, "ada");
  await first.says("connected");
  await bob.ask({ type: "send", to: "ada", text: "read this" });
  await first.says("bob: read this\n");
  first.endInput();
  assertEquals(await first.end(), 0);
  const read = await bob.until("the receipt", () => bob.frames.find((frame) => frame.read !== undefined));
  assertEquals([read.type, read.name, read.read], ["receipt", "ada", 1]);
  for (const text of ["1", "2"]) await carol.ask({ type: "send", to: "ada", text });
  await using second = clientOf(cluster, "ada");
  await second.says("— unread: carol 2\n");
});

test("presence, signals and announcements are lines of the program, and harmless ones", async () => {
  await using cluster = await chatServers(1);
  await using ada = clientOf(cluster, "ada");
  await ada.says("connected");
  await using bob = await RawClient.login(cluster.at(0), "bob");
  await bob.ask({ type: "signal", to: "ada", data: { typing: "\u001b[2J" } });
  await ada.says('— bob signals {"typing":"\\u001b[2J"}\n');
  await cluster.servers[0]?.control.announce("we move\u001b[2J");
  await ada.says("— to everybody: we move␛[2J\n");
  ada.type("/passwd\n");
  await ada.says("there is nobody to ask");
  ada.endInput();
  assertEquals(await ada.end(), 0);
});
