import process from "node:process";
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { type Control, type DrainView, type SessionView, startAdmin } from "../../src/admin/mod.ts";
import { drain } from "../../src/cli/control.ts";
import { StartError, UsageError } from "../../src/cli/errors.ts";
import { announce, kick, sessions } from "../../src/cli/sessions.ts";
import { formatAddress } from "../../src/net/mod.ts";
import { RawClient, temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { Desk, NEVER } from "./desk.ts";
import { getJson, type Program, partAddress, startProgram } from "./program.ts";

const FREE = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--grace", "100ms"];

/** Runs a command against the admin server of a program, to its end. */
async function run(program: Program, ...args: readonly string[]): Promise<[number | string, string, string]> {
  const { admin = "" } = await program.ready();
  await using command = startProgram([...args, "--admin", admin]);
  const code = await command.end();
  return [code, command.stdout, command.stderr];
}

/** The sessions in a listing, as user and device. */
function namesIn(listing: string): string[] {
  return listing
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as SessionView)
    .map(({ user, device }) => `${user} ${device}`)
    .sort();
}

test("sessions, kick and announce reach every server of an up, whichever holds the session", {
  timeoutMs: 60_000,
}, async () => {
  await using up = startProgram(["up", ...FREE, "--data", ":memory:", "--servers", "2"]);
  const ready = await up.ready();
  const tcp = partAddress(ready, "tcp");
  await using ada = await RawClient.login(tcp, "ada", { device: "laptop" });
  await using bob = await RawClient.login(tcp, "bob", { device: "phone" });
  const servers = [ada, bob].map((client) => client.frames.find((frame) => frame.server)?.server);
  assertEquals(servers.toSorted(), ["chat-1", "chat-2"]);

  const [code, listing] = await run(up, "sessions", "--json");
  assertEquals([code, namesIn(listing)], [0, ["ada laptop", "bob phone"]]);
  assertEquals(await run(up, "announce", "we", "move"), [0, "announced\n", ""]);
  for (const client of [ada, bob]) assertEquals((await client.next("announcement")).text, "we move");

  const [{ id = "" } = {}] = (
    (await getJson(ready.admin, "/api/sessions?user=bob")) as { sessions: { id: string }[] }
  ).sessions;
  assertEquals(await run(up, "kick", id), [0, `closed ${id}\n`, ""]);
  assertEquals((await bob.next("closing")).reason, "operator");
  const ended = await fetch(`http://${ready.admin}/api/sessions?user=ada&revoke=true`, { method: "DELETE" });
  assertEquals(ended.status, 200);
  assertEquals((await ada.next("closing")).reason, "operator");
  await using back = await RawClient.connect(tcp);
  const token = ada.frames.find((frame) => frame.token)?.token;
  assertEquals((await back.ask({ type: "login", token })).code, "bad_credentials");

  const metrics = await (await fetch(`http://${ready.admin}/metrics`)).text();
  assertMatch(metrics, /chorus_chat_logins_total\{server="chat-[12]"\} 1\n/);
  assertStringIncludes(metrics, 'chorus_chat_refused_total{server="');
  assertStringIncludes(metrics, "chorus_backend_");
});

test("a chat server of its own serves its sessions, too, and counts what it did", async () => {
  using folder = temporaryFolder();
  const data = `${folder.path}/data`;
  await using chat = startProgram(["chat", ...FREE, "--data", data, "--id", "solo"]);
  const ready = await chat.ready();
  await using ada = await RawClient.login(partAddress(ready, "tcp"), "ada");
  await ada.ask({ type: "send", to: "ada", text: "x" });
  await ada.hasMessages(1);
  await ada.ask({ type: "send", to: "nobody", text: "x" });
  const { sessions: listed } = (await getJson(ready.admin, "/api/sessions")) as { sessions: SessionView[] };
  assertEquals(
    listed.map(({ server, user, device, client }) => [server, user, device, client]),
    [["solo", "ada", "default", "127.0.0.1"]],
  );
  assertMatch(listed[0]?.id ?? "", /^solo\.\d+$/);
  const metrics = await (await fetch(`http://${ready.admin}/metrics`)).text();
  for (const line of [
    "chorus_chat_connections 1",
    "chorus_chat_sessions 1",
    "chorus_chat_logins_total 1",
    "chorus_chat_messages_received_total 1",
    "chorus_chat_messages_delivered_total 1",
    'chorus_chat_refused_total{code="unknown_user"} 1',
    "chorus_chat_set_aside 0",
    "chorus_chat_store_up 1",
  ])
    assertStringIncludes(metrics, `${line}\n`);
  const health = (await getJson(ready.admin, "/health")) as object;
  assertEquals(Object.keys(health), ["healthy", "role", "id", "connections", "sessions"]);
});

/** An admin server with a few abilities, and commands against it in this process. */
async function desk(control: Partial<Control>) {
  const listen = { host: "127.0.0.1", port: 0 };
  const health = () => ({ healthy: true, role: "chat" });
  const admin = await startAdmin({ listen, control: { health, ...control } });
  const failure = async (
    command: (argv: readonly string[]) => Promise<number>,
    args: readonly string[],
    kind: new (message: string) => Error,
  ): Promise<string> => {
    const argv = [...args, "--admin", formatAddress(admin.address)];
    return (await assertRejects(() => command(argv), kind)).message;
  };
  return { failure, [Symbol.asyncDispose]: () => admin.close() };
}

test("what cannot be closed is a mistake of the user, what does not answer is not, and a balancer has no sessions", async () => {
  const missing = { ok: false, status: 404 } as const;
  const away = { ok: false, status: 503, error: "no server answers" } as const;
  await using chat = await desk({
    sessions: () => [],
    closeSession: () => missing,
    closeUserSessions: () => missing,
    announce: () => away,
  });
  assertStringIncludes(await chat.failure(kick, ["chat-1.1"], UsageError), 'there is no session "chat-1.1"');
  assertStringIncludes(await chat.failure(kick, ["--user", "zoe"], UsageError), 'there is no user "zoe"');
  assertStringIncludes(await chat.failure(announce, ["hello"], StartError), "no server answers");
  await using balancer = await desk({});
  assertStringIncludes(await balancer.failure(sessions, [], StartError), "it is no chat server");
});

test("kick wants a session or a user and not both, --revoke a user, and announce a text", async () => {
  await using chat = await desk({ closeSession: () => ({ ok: true }), announce: () => ({ ok: true }) });
  const mistakes: readonly (readonly [typeof kick, readonly string[], string])[] = [
    [kick, [], "say whom: SESSION"],
    [kick, ["chat-1.1", "--user", "ada"], "say whom: SESSION"],
    [kick, ["chat-1.1", "--revoke"], "--revoke goes with --user NAME"],
    ...["", ".", ".."].map((name) => [kick, [name], `"${name}" is no name of a session`] as const),
    [announce, [], "chorus announce takes TEXT, received nothing"],
    [sessions, ["ada"], 'chorus sessions takes no argument, received "ada"'],
  ];
  for (const [command, args, words] of mistakes)
    assertStringIncludes(await chat.failure(command, args, UsageError), words);
});

test("whom kick is about comes from the command line alone, not from CHORUS_USER", async () => {
  await using chat = await desk({ closeUserSessions: () => ({ ok: true }) });
  process.env.CHORUS_USER = "ada";
  try {
    assertStringIncludes(await chat.failure(kick, [], UsageError), "say whom: SESSION");
  } finally {
    delete process.env.CHORUS_USER;
  }
});

test("drain --server sends the clients of a chat server elsewhere and shows it, undrain --server keeps them, and no balancer is one", async () => {
  using folder = temporaryFolder();
  const data = ["--data", `${folder.path}/data`];
  await using chat = startProgram(["chat", ...FREE, ...data, "--id", "solo"]);
  const ready = await chat.ready();
  await using ada = await RawClient.login(partAddress(ready, "tcp"), "ada");
  const line = (state: string): string => `server solo ${state} connections=1 sessions=1\n`;
  assertEquals(await run(chat, "drain", "--server", "--deadline", "30s"), [0, line("draining"), ""]);
  assertEquals((await ada.next("closing")).after, 30_000);
  const health = (await getJson(ready.admin, "/health")) as { healthy: boolean; draining?: boolean };
  assertEquals([health.healthy, health.draining], [true, true]);
  const { drains } = (await getJson(ready.admin, "/api/drains")) as { drains: DrainView[] };
  assertEquals(
    drains.map(({ kind, name, total, left }) => [kind, name, total, left]),
    [["server", "solo", 1, 1]],
  );
  assertEquals(await run(chat, "undrain", "--server"), [0, line("open"), ""]);
  assertEquals(await getJson(ready.admin, "/api/drains"), { drains: [] });
  const [code, , words] = await run(chat, "drain", "--server", "--deadline", "300ms", "--wait");
  assertEquals([code, words], [0, ""]);
  await ada.closed;

  await using admin = await startAdmin({
    listen: { host: "127.0.0.1", port: 0 },
    control: { health: () => ({ healthy: true, role: "balance" }) },
  });
  const args = ["--server", "--admin", formatAddress(admin.address)];
  const { message } = await assertRejects(() => drain(args, NEVER), UsageError);
  assertStringIncludes(message, "is no chat server, but balance");
});

test("drain --server --wait ends with 1 when undrain --server calls the drain off", async () => {
  using folder = temporaryFolder();
  await using chat = startProgram(["chat", ...FREE, "--data", `${folder.path}/data`, "--id", "solo"]);
  const ready = await chat.ready();
  await using ada = await RawClient.login(partAddress(ready, "tcp"), "ada");
  const where = ["--server", "--admin", String(ready.admin)];
  await using waiting = startProgram(["drain", ...where, "--deadline", "30s", "--wait"]);
  await waiting.says("drain server solo left=1");
  assertEquals((await run(chat, "undrain", "--server"))[0], 0);
  assertEquals([await waiting.end(), waiting.stderr], [1, "the drain of server solo was called off\n"]);
  assertEquals((await ada.next("closing")).after, 30_000);
});

test("what is no chat server is told so by sessions, kick and announce alike", async () => {
  await using desk = await Desk.open({ chat: [] });
  const admin = ["--admin", desk.address];
  const sentence = `What runs at ${desk.address} does not list sessions: it is no chat server`;
  for (const work of [
    () => sessions(admin),
    () => kick(["x", ...admin]),
    () => kick(["--user", "ada", ...admin]),
    () => announce(["hi", ...admin]),
  ])
    assertEquals((await assertRejects(work, StartError)).message, sentence);
});
