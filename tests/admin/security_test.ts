import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { AdminToken } from "../../src/admin/mod.ts";
import { temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { ask, requestFor, startWith, urlOf } from "./requests.ts";

const SECRET = "a-token-of-the-test-0123456789";
const JSON_TYPE = { "Content-Type": "application/json" };

function tokenOf(text: string): AdminToken {
  using folder = temporaryFolder();
  const file = join(folder.path, "token");
  writeFileSync(file, `${text}\n`, { mode: 0o600 });
  const token = AdminToken.open(file);
  if (typeof token === "string") throw new Error(token);
  return token;
}

test("a Host that somebody else may control is refused, an address or localhost is not", async () => {
  await using admin = await startWith({ pools: () => [] });
  const statusOf = async (Host: string) =>
    (await ask(admin.address, requestFor("GET", "/health", { Host }))).status;
  for (const host of ["localhost", "localhost:7090", "127.0.0.1", "10.0.0.7:80", "[::1]", "[::1]:7090"])
    assertEquals(await statusOf(host), 200, host);
  const foreign = ["evil.example", "evil.example:7090", "127.0.0.1.evil.example", "localhost.evil.example"];
  for (const host of foreign) assertEquals(await statusOf(host), 421, host);
  const { body } = await ask(admin.address, requestFor("GET", "/api/pools", { Host: "evil.example" }));
  assertStringIncludes(body, "the Host must be an address or localhost");
  assertStringIncludes(body, "evil.example");
});

test("a change that another site's page asks for is 403 and changes nothing", async () => {
  let reloads = 0;
  const control = {
    closeConnection: () => ({ ok: true }) as const,
    async reload() {
      reloads += 1;
      return { ok: true } as const;
    },
  };
  await using admin = await startWith(control);
  const own = urlOf(admin);
  const Host = own.slice("http://".length);
  const statusOf = async (headers: Readonly<Record<string, string>>, method = "POST", path = "/api/reload") =>
    (await ask(admin.address, requestFor(method, path, { Host, ...headers }, method === "POST" ? "{}" : "")))
      .status;
  const cross: readonly Readonly<Record<string, string>>[] = [
    { Origin: "http://evil.example" },
    { Origin: "null" },
    { Origin: "http://127.0.0.1:1" },
    { Origin: own, "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site" },
  ];
  for (const headers of cross) {
    assertEquals(await statusOf({ ...JSON_TYPE, ...headers }), 403, JSON.stringify(headers));
    assertEquals(await statusOf(headers, "DELETE", "/api/connections/1"), 403, JSON.stringify(headers));
  }
  assertEquals(reloads, 0);
  for (const headers of [{}, { Origin: own, "Sec-Fetch-Site": "same-origin" }, { "Sec-Fetch-Site": "none" }])
    assertEquals(await statusOf({ ...JSON_TYPE, ...headers }), 200, JSON.stringify(headers));
  assertEquals(reloads, 3);
  assertEquals(await statusOf({}, "DELETE", "/api/connections/1"), 200);
});

test("a change by the admin's own page behind a TLS proxy is taken, and no other site's", async () => {
  await using admin = await startWith({ reload: async () => ({ ok: true }) });
  const statusOf = async (Host: string, Origin: string) => {
    const headers = { ...JSON_TYPE, Host, Origin, "Sec-Fetch-Site": "same-origin" };
    return (await ask(admin.address, requestFor("POST", "/api/reload", headers, "{}"))).status;
  };
  for (const host of ["127.0.0.1", "localhost:8443", "[::1]:8443"])
    assertEquals(await statusOf(host, `https://${host}`), 200, host);
  assertEquals(await statusOf("localhost:443", "https://localhost"), 200);
  for (const origin of ["https://evil.example", "https://localhost", "ftp://localhost:8443", "https://"])
    assertEquals(await statusOf("localhost:8443", origin), 403, origin);
});

test("a POST or PATCH of what a form could send is 415", async () => {
  await using admin = await startWith({ reload: async () => ({ ok: true }) });
  const statusOf = async (headers: Readonly<Record<string, string>>) =>
    (await ask(admin.address, requestFor("POST", "/api/reload", headers, "{}"))).status;
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json"])
    assertEquals(await statusOf({ "Content-Type": type }), 415, type);
  assertEquals(await statusOf({}), 415);
  assertEquals(await statusOf({ "Content-Type": "Application/JSON; charset=utf-8" }), 200);
});

test("with a token every request needs it, and an answer without it tells nothing", async () => {
  let changes = 0;
  const control = {
    pools: () => [],
    async reload() {
      changes += 1;
      return { ok: true } as const;
    },
  };
  await using admin = await startWith(control, { token: tokenOf(SECRET) });
  const statusOf = async (path: string, headers: Readonly<Record<string, string>>, method = "GET") =>
    (await ask(admin.address, requestFor(method, path, { ...JSON_TYPE, ...headers }))).status;
  const right = { Authorization: `Bearer ${SECRET}` };
  for (const path of ["/api/pools", "/metrics", "/nothing"]) {
    assertEquals(await statusOf(path, {}), 401, path);
    assertEquals(await statusOf(path, { Authorization: `Bearer ${SECRET}x` }), 401, path);
    assertEquals(await statusOf(path, right), path === "/nothing" ? 404 : 200, path);
  }
  for (const wrong of [SECRET, `Basic ${SECRET}`, "Bearer", `Bearer ${SECRET} ${SECRET}`])
    assertEquals(await statusOf("/api/pools", { Authorization: wrong }), 401, wrong);
  assertEquals(await statusOf("/api/pools", { Authorization: `bearer  ${SECRET}` }), 200);
  assertEquals(await statusOf("/api/reload", {}, "POST"), 401);
  assertEquals(changes, 0);
  const refused = await fetch(urlOf(admin, "/api/pools"));
  assertEquals(refused.headers.get("www-authenticate"), 'Bearer realm="chorus"');
  assertEquals(await refused.json(), {
    error: "this needs the token; send the token as `Authorization: Bearer TOKEN`",
  });
});

test("/health without the token tells only whether the role is healthy, so that others may probe it", async () => {
  let healthy = true;
  const health = () => ({ healthy, role: "balance", backends: 3 });
  await using admin = await startWith({ health }, { token: tokenOf(SECRET) });
  const get = async (headers: Readonly<Record<string, string>>) => {
    const response = await fetch(urlOf(admin, "/health"), { headers });
    return [response.status, await response.json()];
  };
  assertEquals(await get({}), [200, { healthy: true }]);
  assertEquals(await get({ authorization: `Bearer ${SECRET}` }), [
    200,
    { healthy: true, role: "balance", backends: 3 },
  ]);
  assertEquals((await get({ authorization: "Bearer wrong-wrong-wrong-wrong" }))[0], 401);
  healthy = false;
  assertEquals(await get({}), [503, { healthy: false }]);
});

test("after ten wrong tokens an address has to wait, even with the right one", async () => {
  await using admin = await startWith({}, { token: tokenOf(SECRET) });
  const get = (token: string) =>
    fetch(urlOf(admin, "/metrics"), { headers: { authorization: `Bearer ${token}` } });
  for (let tries = 0; tries < 10; tries++) assertEquals((await get("wrong-wrong-wrong-wrong")).status, 401);
  const limited = await get(SECRET);
  assertEquals(limited.status, 429);
  const wait = Number(limited.headers.get("retry-after"));
  assert(wait >= 1 && wait <= 2, `retry-after was ${wait}`);
  assertEquals((await fetch(urlOf(admin, "/health"))).status, 200);
});

test("without a token it listens on loopback only", async () => {
  for (const host of ["0.0.0.0", "::", "10.0.0.7"]) {
    const error = await assertRejects(() => startWith({}, { listen: { host, port: 0 } }), RangeError);
    assertStringIncludes(error.message, `without a token only on loopback, received ${host}`);
  }
  await using admin = await startWith({}, { listen: { host: "0.0.0.0", port: 0 }, token: tokenOf(SECRET) });
  assert("port" in admin.address);
  const response = await fetch(`http://127.0.0.1:${admin.address.port}/health`);
  assertEquals([response.status, await response.json()], [200, { healthy: true }]);
});
