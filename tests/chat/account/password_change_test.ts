import { assertEquals } from "@std/assert";
import { RawClient } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";

function tokenOf(client: RawClient): unknown {
  return client.frames.find((frame) => "token" in frame)?.token;
}

test("a changed password ends the user's other sessions on all servers and every token, and gives this session a new one", async () => {
  await using cluster = await chatServers(2);
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(1), "ada", { device: "laptop" });
  // Somebody else has this session's token.
  const [stolen, lost] = [tokenOf(phone), tokenOf(laptop)];
  await using thief = await RawClient.connect(cluster.at(1));
  assertEquals((await thief.ask({ type: "login", token: stolen, device: "thief" })).type, "ok");
  const { type, token } = await phone.ask({ type: "password", old: "secret", new: "better" });
  assertEquals(type, "ok");
  for (const other of [laptop, thief]) {
    assertEquals((await other.next("closing")).reason, "operator");
    await other.closed;
  }
  assertEquals((await phone.ask({ type: "send", to: "ada", text: "still here" })).type, "ok");
  await using client = await RawClient.connect(cluster.at(1));
  const codeOf = async (frame: object) => (await client.ask({ type: "login", ...frame })).code;
  assertEquals(await codeOf({ token: lost }), "bad_credentials");
  assertEquals(await codeOf({ name: "ada", password: "secret" }), "bad_credentials");
  assertEquals(await codeOf({ token: stolen }), "bad_credentials");
  assertEquals(await codeOf({ token }), undefined);
});

test("a password is changed only with the old one, by its user, and the new one logs in", async () => {
  await using cluster = await chatServers(1);
  await using ada = await RawClient.login(cluster.at(0), "ada");
  assertEquals((await ada.ask({ type: "password", old: "wrong", new: "x" })).code, "bad_credentials");
  assertEquals((await ada.ask({ type: "password", old: "secret", new: "" })).code, "bad_frame");
  assertEquals((await ada.ask({ type: "password", old: "secret", new: "better" })).type, "ok");
  await using guest = await RawClient.connect(cluster.at(0));
  assertEquals((await guest.ask({ type: "password", old: "better", new: "x" })).code, "not_logged_in");
  assertEquals(
    (await guest.ask({ type: "login", name: "ada", password: "better", device: "d" })).user,
    "ada",
  );
});

test("of two changes of one password at the same time one is done, and the other one has the wrong password", async () => {
  await using cluster = await chatServers(2);
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  await using laptop = await RawClient.login(cluster.at(1), "ada", { device: "laptop" });
  const change = (client: RawClient, password: string) =>
    client.ask({ type: "password", old: "secret", new: password }).then(
      ({ type, code }) => code ?? type,
      () => "closed",
    );
  const outcomes = await Promise.all([change(phone, "a"), change(laptop, "b")]);
  assertEquals(outcomes.filter((outcome) => outcome === "ok").length, 1, String(outcomes));
});

test("a login with the old password that is under way while it is changed ends with the others", async () => {
  await using cluster = await chatServers(1, { limits: { loginFailures: 2 } });
  await using phone = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
  // From the third one on a try of the name waits, the next one twice as long: the old hash is read before, and compared afterwards.
  await using thief = await RawClient.connect(cluster.at(0));
  for (const password of ["a", "b", "c"])
    assertEquals((await thief.ask({ type: "login", name: "ada", password })).code, "bad_credentials");
  const change = phone.ask({ type: "password", old: "secret", new: "better" });
  await thief.ask({ type: "ping" });
  const login = thief.ask({ type: "login", name: "ada", password: "secret", device: "thief" });
  assertEquals((await change).type, "ok");
  const { code, token } = await login;
  // Should it have come first after all, it is over now.
  if (code === undefined) await thief.closed;
  else assertEquals(code, "bad_credentials");
  await using later = await RawClient.connect(cluster.at(0));
  assertEquals((await later.ask({ type: "login", token: token ?? "none" })).code, "bad_credentials");
});
