import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../src/net/mod.ts";
import { type Greeter, greeter } from "../balancer/frontend/frontends.ts";
import { echo, Guests } from "../balancer/running/balancers.ts";
import { eventually, temporaryFolder } from "../helpers.ts";
import { certificate } from "../net/certificates.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { freePort } from "./peers.ts";
import { partAddress, startProgram } from "./program.ts";

function configuration(server: Greeter, more: object = {}): string {
  return JSON.stringify({
    frontends: { main: { listen: "127.0.0.1:0", pool: "main" } },
    pools: { main: { backends: [formatAddress(server.address)], registry: "chat" } },
    admin: { listen: "127.0.0.1:0" },
    ...more,
  });
}

function reload(admin: string | undefined): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(`http://${admin}/api/reload`, { method: "POST", headers, body: "{}" });
}

test("a reload that names a Redis that cannot be reached is refused with a sentence, and the balancer goes on", async () => {
  await using server = await greeter("a");
  using folder = temporaryFolder();
  using guests = new Guests();
  const file = join(folder.path, "chorus.json");
  const plain = configuration(server).replace(',"registry":"chat"', "");
  writeFileSync(file, plain);
  await using program = startProgram(["balance", "--config", file, "--grace", "100ms"]);
  const parts = await program.ready();
  const client = await guests.greeted({ address: partAddress(parts, "tcp") });
  writeFileSync(file, configuration(server, { redis: `redis://127.0.0.1:${await freePort()}` }));
  await program.says("the configuration is not used, nothing has changed: Cannot connect to Redis");
  const refused = await reload(parts.admin);
  assertEquals(refused.status, 422);
  assertStringIncludes(await refused.text(), "Cannot connect to Redis");
  await echo(client);
  program.signal("SIGTERM");
  assertEquals(await program.end(), 0);
});

test("a reload refuses a value of the wrong kind where a flag writes, and says where it is", async () => {
  await using server = await greeter("a");
  using folder = temporaryFolder();
  using guests = new Guests();
  const file = join(folder.path, "chorus.json");
  const plain = configuration(server).replace(',"registry":"chat"', "");
  writeFileSync(file, plain);
  await using program = startProgram(["balance", "--config", file, "--max-connections", "7"]);
  const parts = await program.ready();
  const client = await guests.greeted({ address: partAddress(parts, "tcp") });
  writeFileSync(file, `{"limits":3,${plain.slice(1)}`);
  const refused = await reload(parts.admin);
  assertEquals(refused.status, 422);
  assertStringIncludes(await refused.text(), `${file}:1:11: limits: 3 is not an object`);
  await echo(client);
});

test("a reload says which flag names a file that is gone", async () => {
  await using server = await greeter("a");
  using folder = temporaryFolder();
  const made = await certificate(["a.test"]);
  const [certificateFile, key] = [join(folder.path, "a.pem"), join(folder.path, "a.key")];
  writeFileSync(certificateFile, made.certificate);
  writeFileSync(key, made.key);
  const flags = ["--listen", "127.0.0.1:0", "--tls-certificate", certificateFile, "--tls-key", key];
  const backend = ["--backend", formatAddress(server.address), "--heartbeat", "none"];
  await using program = startProgram(["balance", ...flags, ...backend, "--admin", "127.0.0.1:0"]);
  const { admin } = await program.ready();
  rmSync(key);
  const refused = await reload(admin);
  assertEquals(refused.status, 422);
  assertEquals(await refused.json(), { error: `--tls-key: "${key}" is not there` });
});

test("a reload says which changes count from the next start on", async () => {
  await using server = await greeter("a");
  using folder = temporaryFolder();
  const file = join(folder.path, "chorus.json");
  const plain = configuration(server).replace(',"registry":"chat"', "");
  writeFileSync(file, plain);
  await using program = startProgram(["balance", "--config", file, "--grace", "100ms"]);
  await program.ready();
  writeFileSync(file, plain.replace('"admin":{"listen":"127.0.0.1:0"}', '"admin":{"listen":"127.0.0.1:1"}'));
  await program.says("admin has changed, which counts from the next start on");
});

test("a balancer that had to take another port than the default stays there when it reads everything again", async () => {
  await using server = await greeter("a");
  using guests = new Guests();
  const args = ["balance", "--backend", formatAddress(server.address), "--admin", "none", "--grace", "100ms"];
  await using holder = startProgram(args);
  await holder.ready();
  await using program = startProgram(args);
  const where = partAddress(await program.ready(), "tcp");
  holder.signal("SIGTERM");
  await holder.end();
  program.signal("SIGHUP");
  await program.says("configuration: nothing has changed");
  await guests.greeted({ address: where });
});

test("a balancer that drains because it was told to end takes no other configuration", async () => {
  await using server = await greeter("a");
  using folder = temporaryFolder();
  using guests = new Guests();
  const file = join(folder.path, "chorus.json");
  const plain = configuration(server).replace(',"registry":"chat"', "");
  writeFileSync(file, plain);
  await using program = startProgram(["balance", "--config", file, "--grace", "10s"]);
  const client = await guests.greeted({ address: partAddress(await program.ready(), "tcp") });
  program.signal("SIGTERM");
  await program.says("stopping");
  program.signal("SIGHUP");
  await program.says("the balancer is closed");
  await echo(client);
  client.connection.end();
  assertEquals(await program.end(), 0);
});

test("a balancer that names another Redis, or none, has no connection to the one before", async () => {
  await using first = await redisServer();
  await using second = await redisServer();
  await using server = await greeter("a");
  using folder = temporaryFolder();
  const file = join(folder.path, "chorus.json");
  writeFileSync(file, configuration(server, { redis: first.url }));
  await using program = startProgram(["balance", "--config", file, "--grace", "100ms"]);
  await program.ready();
  const clients = (): number => {
    const listed = execFileSync("redis-cli", ["-p", String(first.port), "client", "list"], {
      encoding: "utf8",
    });
    return listed.trim().split("\n").length;
  };
  const own = clients();
  assert(own > 1, `${own} connections`);
  writeFileSync(file, configuration(server, { redis: second.url }));
  await eventually("the end of the connections", async () => clients() === 1);
});
