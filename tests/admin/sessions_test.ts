import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Control, Outcome, SessionView } from "../../src/admin/mod.ts";
import { test } from "../testing.ts";
import { ask, change, read, requestFor, startWith } from "./requests.ts";

/** A session as a chat server would show it. */
function sessionNamed(id: string, user: string): SessionView {
  const numbers = { ageMs: 5000, idleMs: 20, queuedBytes: 0, sentBytes: 4711 };
  return { id, server: "chat-1", user, device: "phone", client: "127.0.0.1", ...numbers };
}

const ALL = [
  sessionNamed("chat-1.1", "ada"),
  sessionNamed("chat-1.2", "bob"),
  sessionNamed("chat-1.3", "ada"),
];

/** A control with three sessions, and what it was told. */
function recorder(outcome: Outcome = { ok: true }): { told: unknown[]; control: Partial<Control> } {
  const told: unknown[] = [];
  const tell =
    (name: string) =>
    async (...found: unknown[]): Promise<Outcome> => {
      told.push([name, ...found]);
      return await Promise.resolve(outcome);
    };
  const control = {
    sessions: async ({ user }: { readonly user?: string }, limit: number) =>
      await Promise.resolve(ALL.filter((one) => user === undefined || one.user === user).slice(0, limit)),
    closeSession: tell("close"),
    closeUserSessions: tell("closeUser"),
    announce: tell("announce"),
  };
  return { told, control };
}

test("/api/sessions lists those of all users or of one, and says whether there are more", async () => {
  await using admin = await startWith(recorder().control);
  assertEquals(await read(admin, "/api/sessions"), [200, { sessions: ALL, more: false }]);
  assertEquals(await read(admin, "/api/sessions?limit=2"), [200, { sessions: ALL.slice(0, 2), more: true }]);
  assertEquals(await read(admin, "/api/sessions?user=bob"), [200, { sessions: [ALL[1]], more: false }]);
  for (const wrong of ["?limit=0", "?limit=5001", "?limit=x", "?name=ada"])
    assertEquals((await read(admin, `/api/sessions${wrong}`))[0], 400, wrong);
});

test("a session, the sessions of a user with and without their logins, and a text for everybody reach the control", async () => {
  const { told, control } = recorder();
  await using admin = await startWith(control);
  assertEquals(await change(admin, "DELETE", "/api/sessions/chat-1.2"), [200, {}]);
  assertEquals(await change(admin, "DELETE", "/api/sessions?user=ada"), [200, {}]);
  assertEquals(await change(admin, "DELETE", "/api/sessions?user=ada&revoke=true"), [200, {}]);
  assertEquals(await change(admin, "POST", "/api/announce", { text: "at noon" }), [200, {}]);
  assertEquals(told, [
    ["close", "chat-1.2"],
    ["closeUser", "ada", { revoke: false }],
    ["closeUser", "ada", { revoke: true }],
    ["announce", "at noon"],
  ]);
});

test("a session or a user that is not there is 404 with its name, and a store that does not answer is 503", async () => {
  const missing = recorder({ ok: false, status: 404 });
  await using first = await startWith(missing.control);
  assertEquals(await change(first, "DELETE", "/api/sessions/chat-9.9"), [
    404,
    { error: 'there is no session "chat-9.9"; it may be over' },
  ]);
  assertEquals(await change(first, "DELETE", "/api/sessions?user=zoe"), [
    404,
    { error: 'there is no user "zoe"' },
  ]);
  const away = recorder({ ok: false, status: 503, error: "the store does not answer" });
  await using second = await startWith(away.control);
  assertEquals(await change(second, "DELETE", "/api/sessions?user=ada"), [
    503,
    { error: "the store does not answer" },
  ]);
});

function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

test("nothing that is wrong closes a session or is announced", async () => {
  const { told, control } = recorder();
  await using admin = await startWith(control);
  const wrong: readonly (readonly [
    method: string,
    path: string,
    body: unknown,
    status: number,
    words: string,
  ])[] = [
    ["DELETE", "/api/sessions", undefined, 400, "user is absent"],
    ["DELETE", "/api/sessions?user=ada&revoke=yes", undefined, 400, 'revoke is "yes"'],
    ["DELETE", "/api/sessions?user=ada&revok=true", undefined, 400, "only user, revoke"],
    ["POST", "/api/announce", {}, 422, "text is absent"],
    ["POST", "/api/announce", `{"text":${nested(20_000)}}`, 400, "the body is nested more than 32 deep"],
    ["POST", "/api/announce", nested(32), 422, "text is absent"],
    ["POST", "/api/announce", nested(33), 400, "the body is nested more than 32 deep"],
    ["POST", "/api/announce", { text: "" }, 422, "a text of 1 to 4096 characters"],
    [
      "POST",
      "/api/announce",
      { text: "x".repeat(4097) },
      422,
      "of 4097 characters, allowed is a text of 1 to 4096 characters",
    ],
    ["POST", "/api/announce", '{"text":"\\ud800"}', 422, "a text of 1 to 4096 characters"],
    ["POST", "/api/announce", { text: "x", at: 1 }, 422, "only text"],
  ];
  for (const [method, path, body, status, words] of wrong) {
    const [found, answer] = await change(admin, method, path, body);
    assertStringIncludes((answer as { error: string }).error, words);
    assertEquals(found, status, words);
  }
  assertEquals(told, []);
});

test("a page of another site can neither close a session nor announce anything", async () => {
  const { told, control } = recorder();
  await using admin = await startWith(control);
  const foreign = { Origin: "http://evil.example", "Content-Type": "application/json" };
  const requests = [
    requestFor("DELETE", "/api/sessions/chat-1.1", foreign),
    requestFor("DELETE", "/api/sessions?user=ada", foreign),
    requestFor("POST", "/api/announce", foreign, '{"text":"x"}'),
    requestFor("POST", "/api/announce", { "Content-Type": "text/plain" }, '{"text":"x"}'),
  ];
  const statuses: number[] = [];
  for (const request of requests) statuses.push((await ask(admin.address, request)).status);
  assertEquals([statuses, told], [[403, 403, 403, 415], []]);
});

test("metrics that have to be waited for are exposed, and a role without sessions has none of their paths", async () => {
  await using admin = await startWith({
    metrics: async () =>
      await Promise.resolve([
        {
          name: "chorus_chat_sessions",
          help: "Sessions.",
          type: "gauge" as const,
          samples: [{ labels: { server: "chat-1" }, value: 3 }],
        },
      ]),
  });
  const { body } = await ask(admin.address, requestFor("GET", "/metrics"));
  assertStringIncludes(body, 'chorus_chat_sessions{server="chat-1"} 3');
  assertEquals((await read(admin, "/api/sessions"))[0], 404);
  assertEquals((await change(admin, "POST", "/api/announce", { text: "x" }))[0], 404);
});
