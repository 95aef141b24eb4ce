import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type AdminOptions, startAdmin } from "../../src/admin/mod.ts";
import { withDeadline } from "../../src/async/mod.ts";
import { type Address, formatAddress, NetError } from "../../src/net/mod.ts";
import { DEADLINE_MS } from "../helpers.ts";
import { test } from "../testing.ts";

const LISTEN = { host: "127.0.0.1", port: 0 };

function start(more: Partial<AdminOptions> = {}) {
  return startAdmin({
    listen: LISTEN,
    health: () => ({ healthy: true, role: "balance" }),
    pools: () => [],
    ...more,
  });
}

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Sends a request as it is written, and reads until the server closes. `fetch` would choose the Host itself. */
async function ask(address: Address, request: string): Promise<Answer> {
  assert("port" in address);
  const socket = connect({ host: address.host, port: address.port });
  socket.end(request.replaceAll("\n", "\r\n"));
  const chunks: Buffer[] = [];
  const over = new Promise<void>((resolve, reject) => {
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("end", resolve);
    socket.on("error", reject);
  });
  await withDeadline(over, DEADLINE_MS, "read the answer");
  socket.destroy();
  const [head = "", body = ""] = Buffer.concat(chunks).toString().split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), head: head.toLowerCase(), body };
}

/** A request for a path, as a program would make it. */
function request(path: string, host: string, method = "GET"): string {
  return `${method} ${path} HTTP/1.1\nHost: ${host}\nConnection: close\n\n`;
}

test("/health is 200 with what the role says of itself, and 503 when it is not healthy", async () => {
  let healthy = true;
  await using admin = await start({ health: () => ({ healthy, role: "balance", connections: 7 }) });
  const url = `http://${formatAddress(admin.address)}/health`;
  const well = await fetch(url);
  assertEquals([well.status, await well.json()], [200, { healthy: true, role: "balance", connections: 7 }]);
  healthy = false;
  const ill = await fetch(url);
  assertEquals([ill.status, await ill.json()], [503, { healthy: false, role: "balance", connections: 7 }]);
  assertStringIncludes(ill.headers.get("content-type") ?? "", "application/json");
});

test("/api/pools lists the pools as they are at each request", async () => {
  const pools: object[] = [];
  await using admin = await start({ pools: () => pools });
  const url = `http://${formatAddress(admin.address)}/api/pools`;
  assertEquals(await (await fetch(url)).json(), { pools: [] });
  pools.push({ name: "chat", backends: [{ name: "127.0.0.1:1" }] });
  assertEquals(await (await fetch(`${url}?watch=1`)).json(), { pools });
});

test("another path is 404 and another method 405, and both say what there is", async () => {
  await using admin = await start();
  const url = `http://${formatAddress(admin.address)}`;
  const missing = await fetch(`${url}/api`);
  assertEquals(missing.status, 404);
  assertEquals(await missing.json(), { error: "there is no /api; there are /health and /api/pools" });
  const method = await fetch(`${url}/health`, { method: "POST", body: "{}" });
  assertEquals([method.status, method.headers.get("allow")], [405, "GET, HEAD"]);
  assertEquals(await method.json(), { error: "/health takes GET, received POST" });
  const head = await fetch(`${url}/health`, { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
});

test("a Host that somebody else may control is refused, an address or localhost is not", async () => {
  await using admin = await start();
  const statusOf = async (host: string) => (await ask(admin.address, request("/health", host))).status;
  for (const host of ["localhost", "localhost:7090", "127.0.0.1", "10.0.0.7:80", "[::1]", "[::1]:7090"])
    assertEquals(await statusOf(host), 200, host);
  const foreign = ["evil.example", "evil.example:7090", "127.0.0.1.evil.example", "localhost.evil.example"];
  for (const host of foreign) assertEquals(await statusOf(host), 421, host);
  const { body } = await ask(admin.address, request("/api/pools", "evil.example"));
  assertStringIncludes(body, "the Host must be an address or localhost");
  assertStringIncludes(body, "evil.example");
});

test("what fails while it answers is 500, tells nothing of what it was, and the next request is served", async () => {
  let isBroken = true;
  await using admin = await start({
    health() {
      if (isBroken) throw new Error("secret");
      return { healthy: true, role: "up" };
    },
  });
  const url = `http://${formatAddress(admin.address)}/health`;
  const broken = await fetch(url);
  assertEquals([broken.status, await broken.json()], [500, { error: "internal" }]);
  isBroken = false;
  const mended = await fetch(url);
  assertEquals([mended.status, await mended.json()], [200, { healthy: true, role: "up" }]);
});

test("a port in use is NetError in_use, and the server that has it goes on", async () => {
  await using admin = await start();
  const { address: listen } = admin;
  assert("port" in listen);
  const error = await assertRejects(() => start({ listen }), NetError, formatAddress(listen));
  assertEquals(error.code, "in_use");
  assertEquals((await ask(listen, request("/health", "localhost"))).status, 200);
});

test("close() ends idle connections too and frees the port, and closing again does nothing", async () => {
  const admin = await start();
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
  await using again = await start({ listen: address });
  assertEquals(again.address, address);
});
