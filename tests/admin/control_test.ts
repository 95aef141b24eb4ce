import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ConnectionView, Control, Outcome } from "../../src/admin/mod.ts";
import { test } from "../testing.ts";
import { ask, change, read, requestFor, startWith, urlOf } from "./requests.ts";

const BACKEND = {
  name: "10.0.0.7:6000",
  state: "up",
  missed: 0,
  weight: 1,
  connections: 0,
  total: 0,
  source: "config",
  backup: false,
} as const;
const POOL = { name: "chat", policy: "random", dispatch: "splice", backends: [BACKEND] };

/** A control that takes every change, and what it was told. */
function recorder(outcome: Outcome = { ok: true }): { told: unknown[]; control: Partial<Control> } {
  const told: unknown[] = [];
  const tell =
    (name: string) =>
    (...found: unknown[]): Outcome => {
      told.push([name, ...found]);
      return outcome;
    };
  const control = {
    pools: () => [POOL],
    frontends: () => [],
    addBackend: tell("add"),
    changeBackend: tell("change"),
    removeBackend: tell("remove"),
    changePool: tell("pool"),
    changeFrontend: tell("frontend"),
    closeConnection: tell("close"),
    reload: () => Promise.resolve(tell("reload")()),
  };
  return { told, control };
}

test("every change reaches the control with its names decoded and its values as they are", async () => {
  const { told, control } = recorder();
  await using admin = await startWith(control);
  const backends = "/api/pools/chat/backends";
  await change(admin, "POST", backends, {
    address: "[::1]:6000",
    weight: 0.5,
    backup: true,
    maxConnections: 9,
  });
  await change(admin, "PATCH", `${backends}/10.0.0.7%3A6000`, { weight: 0, maxConnections: "none" });
  await change(admin, "PATCH", `${backends}/10.0.0.7:6000?deadline=5s`, { state: "draining" });
  await change(admin, "PATCH", `${backends}/b?deadline=5s`, { state: "draining", deadlineMs: 7 });
  await change(admin, "DELETE", `${backends}/unix%3A%2Frun%2Fx?deadline=1.5m`);
  await change(admin, "PATCH", "/api/pools/chat", { state: "enabled" });
  await change(admin, "PATCH", "/api/frontends/web", { state: "draining", deadlineMs: 0 });
  await change(admin, "DELETE", "/api/connections/17");
  await change(admin, "POST", "/api/reload");
  assertEquals(told, [
    ["add", "chat", { address: { host: "::1", port: 6000 }, weight: 0.5, backup: true, maxConnections: 9 }],
    ["change", "chat", "10.0.0.7:6000", { weight: 0, maxConnections: "none" }],
    ["change", "chat", "10.0.0.7:6000", { state: "draining", deadlineMs: 5000 }],
    ["change", "chat", "b", { state: "draining", deadlineMs: 7 }],
    ["remove", "chat", "unix:/run/x", { deadlineMs: 90_000 }],
    ["pool", "chat", { state: "enabled" }],
    ["frontend", "web", { state: "draining", deadlineMs: 0 }],
    ["close", "17"],
    ["reload"],
  ]);
});

test("a change is answered by what it came to: 201 for a new backend, else 200", async () => {
  await using admin = await startWith(recorder({ ok: true, value: BACKEND }).control);
  const backends = "/api/pools/chat/backends";
  assertEquals(await change(admin, "POST", backends, { address: "10.0.0.8:6000" }), [201, BACKEND]);
  assertEquals(await change(admin, "PATCH", `${backends}/a`, { weight: 2 }), [200, BACKEND]);
  await using silent = await startWith(recorder().control);
  assertEquals(await change(silent, "DELETE", `${backends}/a`), [200, {}]);
});

test("a name that is not there is 404 with the names that are", async () => {
  await using admin = await startWith(recorder({ ok: false, status: 404 }).control);
  const errorOf = async (method: string, path: string, body?: unknown) => {
    const [status, answer] = await change(admin, method, path, body);
    return [status, (answer as { error: string }).error];
  };
  assertEquals(await errorOf("PATCH", "/api/pools/chat/backends/b", { weight: 1 }), [
    404,
    'there is no backend of pool chat "b"; there are: 10.0.0.7:6000',
  ]);
  assertEquals(await errorOf("DELETE", "/api/pools/web/backends/b"), [
    404,
    'there is no pool "web"; there are: chat',
  ]);
  assertEquals(await errorOf("PATCH", "/api/frontends/f", { state: "draining" }), [
    404,
    'there is no frontend "f"; there are: none',
  ]);
  assertEquals(await errorOf("DELETE", "/api/connections/9"), [
    404,
    'there is no connection "9"; it may be over',
  ]);
});

test("what the control refuses is answered with its status, its sentence and its problems", async () => {
  const problems = [{ where: "pools.chat.policy", found: '"best"', allowed: "random" }];
  const refused = { ok: false, status: 422, error: "chorus.json is wrong", problems } as const;
  await using admin = await startWith(recorder(refused).control);
  assertEquals(await change(admin, "POST", "/api/reload"), [
    422,
    { error: "chorus.json is wrong", problems },
  ]);
  const taken = { ok: false, status: 409, error: "10.0.0.7:6000 is there" } as const;
  await using second = await startWith(recorder(taken).control);
  assertEquals(await change(second, "POST", "/api/pools/chat/backends", { address: "10.0.0.7:6000" }), [
    409,
    { error: "10.0.0.7:6000 is there" },
  ]);
});

test("a body that cannot be is 422, and every problem says where it is, what was found and what is allowed", async () => {
  const { told, control } = recorder();
  await using admin = await startWith(control);
  const backends = "/api/pools/chat/backends";
  assertEquals(await change(admin, "POST", backends, { adress: "a:1", weight: -1, backup: "yes" }), [
    422,
    {
      error:
        "address is absent, allowed is a value: it is required; weight is -1, allowed is a number from 0 to 1000000; " +
        'backup is "yes", allowed is true or false; adress is "a:1", allowed is only address, weight, backup, maxConnections',
      problems: [
        { where: "address", found: "absent", allowed: "a value: it is required" },
        { where: "weight", found: "-1", allowed: "a number from 0 to 1000000" },
        { where: "backup", found: '"yes"', allowed: "true or false" },
        { where: "adress", found: '"a:1"', allowed: "only address, weight, backup, maxConnections" },
      ],
    },
  ]);
  assertEquals(told, []);
});

test("no body that is wrong changes anything", async () => {
  const { told, control } = recorder();
  await using admin = await startWith(control);
  const backends = "/api/pools/chat/backends";
  const wrong: readonly (readonly [
    method: string,
    path: string,
    body: unknown,
    status: number,
    words: string,
  ])[] = [
    ["POST", backends, { address: "nowhere" }, 422, 'address is "nowhere", allowed is HOST:PORT'],
    ["POST", backends, { address: "10.0.0.7:0" }, 422, "address"],
    ["POST", backends, { address: 7 }, 422, "address is 7"],
    ["POST", backends, [], 422, "address is absent"],
    ["POST", backends, "", 422, "the body is absent, allowed is an object"],
    ["POST", backends, "{", 400, "the body is not JSON"],
    ["PATCH", `${backends}/b`, {}, 400, "nothing to change"],
    ["PATCH", `${backends}/b`, { deadlineMs: 5 }, 400, "nothing to change"],
    [
      "PATCH",
      `${backends}/b`,
      { state: "off" },
      422,
      'state is "off", allowed is "enabled" or "draining" or "disabled"',
    ],
    [
      "PATCH",
      `${backends}/b`,
      { maxConnections: 0 },
      422,
      "maxConnections is 0, allowed is a whole number from 1",
    ],
    ["PATCH", `${backends}/b`, { weight: null }, 422, "weight is null"],
    ["PATCH", `${backends}/b?deadline=5`, { weight: 1 }, 400, 'deadline is "5", allowed is a time such as'],
    ["DELETE", `${backends}/b?deadlin=5s`, undefined, 400, "deadlin"],
    ["PATCH", "/api/pools/chat", { state: "disabled" }, 422, 'state is "disabled"'],
    ["PATCH", "/api/frontends/f", { state: "enabled" }, 422, 'state is "enabled"'],
    ["POST", "/api/reload", { now: true }, 422, "now is true, allowed is no keys"],
  ];
  for (const [method, path, body, status, words] of wrong) {
    const [found, answer] = await change(admin, method, path, body);
    assertStringIncludes((answer as { error: string }).error, words);
    assertEquals(found, status, words);
  }
  assertEquals(told, []);
});

test("a body beyond 64 KiB is 413, whether its length is told before or not, and the server goes on", async () => {
  const { told, control } = recorder();
  await using admin = await startWith(control);
  const big = JSON.stringify({ address: "x".repeat(70_000) });
  const path = "/api/pools/chat/backends";
  const json = { "Content-Type": "application/json" };
  const stated = await ask(admin.address, requestFor("POST", path, json, big));
  assertEquals(stated.status, 413);
  const chunk = `${(60_000).toString(16)}\r\n${"x".repeat(60_000)}\r\n`;
  const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
  const chunked = `${head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunk}${chunk}0\r\n\r\n`;
  assertEquals((await ask(admin.address, chunked)).status, 413);
  assertEquals([told, (await read(admin, "/health"))[0]], [[], 200]);
});

test("/api/connections passes its filter on, and says whether there are more than it lists", async () => {
  const asked: unknown[] = [];
  const view = {
    pool: "chat",
    backend: "b",
    frontend: "f",
    client: "c",
    transport: "tcp",
    ageMs: 1,
    idleMs: 1,
  };
  const all: ConnectionView[] = ["1", "2", "3"].map((id) => ({ id, ...view, bytesIn: 0, bytesOut: 0 }));
  await using admin = await startWith({
    connections(filter, limit) {
      asked.push([filter, limit]);
      return all.slice(0, limit);
    },
  });
  const path = "/api/connections";
  assertEquals(await read(admin, path), [200, { connections: all, more: false }]);
  const query = "?pool=chat&backend=10.0.0.7:6000&frontend=f&minAge=10s&minIdle=500ms&limit=2";
  assertEquals(await read(admin, path + query), [200, { connections: all.slice(0, 2), more: true }]);
  const filter = { pool: "chat", backend: "10.0.0.7:6000", frontend: "f", minAgeMs: 10_000, minIdleMs: 500 };
  assertEquals(asked, [
    [{}, 1001],
    [filter, 3],
  ]);
  for (const wrong of ["?limit=0", "?limit=1e3", "?limit=100001", "?minAge=10", "?backends=b"])
    assertEquals((await read(admin, path + wrong))[0], 400, wrong);
});

test("/api/drains and /api/frontends show what the control says", async () => {
  const drains = [
    { kind: "backend", name: "b", pool: "chat", total: 9, left: 3, remainingMs: 1200 },
  ] as const;
  await using admin = await startWith({ drains: () => drains });
  assertEquals(await read(admin, "/api/drains"), [200, { drains }]);
  assertEquals((await fetch(urlOf(admin, "/api/drains"), { method: "HEAD" })).status, 200);
});

test("/api/server drains the server that is asked by a deadline, takes it back, and refuses any other state", async () => {
  const told: unknown[] = [];
  await using admin = await startWith({
    changeServer: (change) => {
      told.push(change);
      return { ok: true, value: { state: change.state } };
    },
  });
  const drain = { state: "draining", deadlineMs: 4000 };
  assertEquals(await change(admin, "PATCH", "/api/server", drain), [200, { state: "draining" }]);
  assertEquals(await change(admin, "PATCH", "/api/server?deadline=5s", { state: "draining" }), [
    200,
    { state: "draining" },
  ]);
  assertEquals(await change(admin, "PATCH", "/api/server", { state: "enabled" }), [
    200,
    { state: "enabled" },
  ]);
  assertEquals((await change(admin, "PATCH", "/api/server", { state: "disabled" }))[0], 422);
  assertEquals((await change(admin, "PATCH", "/api/server", { state: "draining", weight: 1 }))[0], 422);
  assertEquals(told, [drain, { state: "draining", deadlineMs: 5000 }, { state: "enabled" }]);
});
