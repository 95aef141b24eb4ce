import { connect } from "node:net";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { withDeadline } from "../../src/async/mod.ts";
import { formatAddress, NetError } from "../../src/net/mod.ts";
import { DEADLINE_MS } from "../helpers.ts";
import { test } from "../testing.ts";
import { ask, change, HEALTHY, LISTEN, read, requestFor, startWith, urlOf } from "./requests.ts";

test("/health is 200 with what the role says of itself, and 503 when it is not healthy", async () => {
  let healthy = true;
  await using admin = await startWith({ health: () => ({ healthy, role: "balance", connections: 7 }) });
  assertEquals(await read(admin, "/health"), [200, { healthy: true, role: "balance", connections: 7 }]);
  healthy = false;
  const ill = await fetch(urlOf(admin, "/health"));
  assertEquals([ill.status, await ill.json()], [503, { healthy: false, role: "balance", connections: 7 }]);
  assertStringIncludes(ill.headers.get("content-type") ?? "", "application/json");
});

test("/api/pools lists the pools as they are at each request, and one of them by its encoded name", async () => {
  const pools = [{ name: "chat", policy: "random", dispatch: "splice", backends: [] }];
  await using admin = await startWith({ pools: () => pools });
  assertEquals(await read(admin, "/api/pools"), [200, { pools }]);
  pools.push({ ...pools[0], name: "a/b c" } as (typeof pools)[0]);
  assertEquals(await read(admin, "/api/pools?watch=1"), [200, { pools }]);
  assertEquals(await read(admin, "/api/pools/a%2Fb%20c"), [200, pools[1]]);
  assertEquals(await read(admin, "/api/pools/web"), [
    404,
    { error: 'there is no pool "web"; there are: chat and a/b c' },
  ]);
  assertEquals((await read(admin, "/api/pools/%ff"))[0], 400);
});

test("what a role has nothing of is not there: its paths are 404, and the answer lists those that are", async () => {
  await using admin = await startWith({ frontends: () => [] });
  assertEquals(await read(admin, "/api/pools"), [
    404,
    { error: "there is no /api/pools; there are /health, /metrics, /api/frontends and /api/events" },
  ]);
  assertEquals(await read(admin, "/api/frontends"), [200, { frontends: [] }]);
});

test("another method is 405 and says which there are", async () => {
  await using admin = await startWith({ pools: () => [], changePool: () => ({ ok: true }) });
  const response = await fetch(urlOf(admin, "/health"), { method: "POST", body: "{}" });
  assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"]);
  assertEquals(await response.json(), { error: "/health takes GET, received POST" });
  const deletion = await fetch(urlOf(admin, "/api/pools/chat"), { method: "DELETE" });
  assertEquals([deletion.status, deletion.headers.get("allow")], [405, "GET, HEAD, PATCH"]);
  assertEquals(await deletion.json(), { error: "/api/pools/chat takes GET and PATCH, received DELETE" });
});

test("HEAD is GET without the body, and no answer may be kept or taken for something else", async () => {
  await using admin = await startWith({});
  const head = await fetch(urlOf(admin, "/health"), { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
  for (const path of ["/health", "/metrics", "/nothing"]) {
    const response = await fetch(urlOf(admin, path));
    await response.text();
    assertEquals(response.headers.get("cache-control"), "no-store", path);
    assertEquals(response.headers.get("x-content-type-options"), "nosniff", path);
  }
});

test("what fails while it answers is 500, told to whoever runs it alone, and the next request is served", async () => {
  let isBroken = true;
  const failures: string[] = [];
  const health = () => {
    if (isBroken) throw new Error("secret");
    return HEALTHY.health();
  };
  const error = (found: unknown, { during }: { during: string }) => failures.push(`${during}: ${found}`);
  await using admin = await startWith({ health }, { handler: { error } });
  assertEquals(await read(admin, "/health"), [500, { error: "internal" }]);
  isBroken = false;
  assertEquals(await read(admin, "/health"), [200, { healthy: true, role: "balance" }]);
  assertEquals(failures, ["GET /health: Error: secret"]);
});

test("/health is answered to one that names no host, as simple checkers of health by HTTP/1.0 do", async () => {
  await using admin = await startWith({});
  for (const head of ["GET /health HTTP/1.0", "GET /health HTTP/1.1\r\nHost:\r\nConnection: close"]) {
    const { status, body } = await ask(admin.address, `${head}\r\n\r\n`);
    assertEquals([status, body.includes('"healthy":true')], [200, true], `${head}: ${status} ${body}`);
  }
});

test("a Host or a target that cannot be is 400, and no fault", async () => {
  const failures: unknown[] = [];
  await using admin = await startWith({}, { handler: { error: (found) => failures.push(found) } });
  for (const Host of [
    "127.0.0.1:99999",
    "a b",
    "[::1",
    "evil.example@127.0.0.1",
    "127.0.0.1/x",
    "127.0.0.1#",
  ])
    for (const method of ["GET", "DELETE"]) {
      const { status, body } = await ask(admin.address, requestFor(method, "/health", { Host }));
      assertEquals([status, body.includes("malformed")], [400, true], `${Host}: ${status} ${body}`);
    }
  for (const target of ["http://127.0.0.1:99999/none", "http://[/none"]) {
    const { status } = await ask(admin.address, requestFor("GET", target));
    assert(status === 400 || status === 404, `${target}: ${status}`);
  }
  assertEquals(failures, []);
});

test("a fault of whoever runs it is 500, too, and told", async () => {
  const failures: string[] = [];
  const handler = {
    changed() {
      throw new Error("the disk is full");
    },
    error: (found: unknown, { during }: { during: string }) => failures.push(`${during}: ${found}`),
  };
  await using admin = await startWith({ reload: async () => ({ ok: true }) }, { handler });
  assertEquals(await change(admin, "POST", "/api/reload", {}), [500, { error: "internal" }]);
  assertEquals(failures, ["answer: Error: the disk is full"]);
});

test("every change that was asked for is told with who asked and what was answered", async () => {
  const changes: unknown[] = [];
  const changed = (found: unknown) => changes.push(found);
  await using admin = await startWith({ reload: async () => ({ ok: true }) }, { handler: { changed } });
  await change(admin, "POST", "/api/reload");
  await change(admin, "DELETE", "/api/reload");
  await read(admin, "/health");
  assertEquals(changes, [
    { client: "127.0.0.1", request: "POST /api/reload", status: 200 },
    { client: "127.0.0.1", request: "DELETE /api/reload", status: 405 },
  ]);
});

test("a port in use is NetError in_use, and the server that has it goes on", async () => {
  await using admin = await startWith({});
  const { address: listen } = admin;
  assert("port" in listen);
  const error = await assertRejects(() => startWith({}, { listen }), NetError, formatAddress(listen));
  assertEquals(error.code, "in_use");
  assertEquals((await ask(listen, requestFor("GET", "/health"))).status, 200);
});

test("close() ends idle connections too and frees the port, and closing again does nothing", async () => {
  const admin = await startWith({});
  const { address } = admin;
  assert("port" in address);
  const idle = connect({ host: address.host, port: address.port });
  const answered = new Promise((resolve) => idle.once("data", resolve));
  const ended = new Promise((resolve) => idle.once("close", resolve));
  idle.on("error", () => undefined);
  idle.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await withDeadline(answered, DEADLINE_MS, "see the answer");
  await withDeadline(admin.close(), DEADLINE_MS, "close");
  await withDeadline(admin.close(), DEADLINE_MS, "close again");
  await withDeadline(ended, DEADLINE_MS, "see the end of the idle connection");
  await using again = await startWith({}, { listen: { ...LISTEN, port: address.port } });
  assertEquals(again.address, address);
});
