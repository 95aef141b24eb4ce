import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../src/net/mod.ts";
import { type Greeter, greeted, greeter, type Visitor } from "../balancer/frontend/frontends.ts";
import { eventually, temporaryFolder } from "../helpers.ts";
import { certificate } from "../net/certificates.ts";
import { test } from "../testing.ts";
import { shownBackends } from "./backends.ts";
import { getJson, type Program, partAddress, startProgram } from "./program.ts";

/** A configuration with one frontend before one pool. */
function configuration(backends: readonly object[], pool: object = {}): string {
  return JSON.stringify({
    frontends: { main: { listen: "127.0.0.1:0", pool: "main" } },
    pools: { main: { policy: "weighted", backends, ...pool } },
    admin: { listen: "127.0.0.1:0" },
  });
}

/** Servers in this process. */
async function greeters(names: string): Promise<Greeter[] & AsyncDisposable> {
  const all = await Promise.all(Array.from(names, (name) => greeter(name)));
  return Object.assign(all, {
    async [Symbol.asyncDispose]() {
      for (const each of all) await each[Symbol.asyncDispose]();
    },
  });
}

function spec(server: Greeter | undefined, more: object = {}): object {
  assert(server);
  return { address: formatAddress(server.address), ...more };
}

/** Clients who are connected and have been greeted, and who leave with the test. They come when all backends are up. */
async function crowd(program: Program, count: number) {
  const { admin } = await program.ready();
  await eventually("all backends up", async () =>
    Object.values(await shownBackends(admin)).every(({ state }) => state === "up" || state === "draining"),
  );
  const frontend = { address: partAddress(await program.ready(), "tcp") };
  const visitors: (Visitor & { readonly name: string })[] = [];
  while (visitors.length < count) {
    const some = Array.from({ length: Math.min(200, count - visitors.length) }, () => greeted(frontend));
    visitors.push(...(await Promise.all(some)));
  }
  return {
    visitors,
    /** Says something on every connection of those servers, and waits for all of it to come back. */
    async echo(names: string): Promise<number> {
      const chosen = visitors.filter(({ name }) => names.includes(name));
      const before = chosen.map(({ recorder }) => recorder.bytes);
      for (const { connection } of chosen) connection.write(new TextEncoder().encode("still here"));
      await Promise.all(chosen.map(({ recorder }, index) => recorder.received((before[index] ?? 0) + 10)));
      return chosen.length;
    },
    [Symbol.dispose]() {
      for (const { connection } of visitors) connection.abort();
    },
  };
}

/** Starts a balancer with a configuration file in a folder of its own. */
function startWith(folder: string, text: string): { readonly program: Program; readonly file: string } {
  const file = join(folder, "chorus.json");
  writeFileSync(file, text);
  return { file, program: startProgram(["balance", "--config", file, "--grace", "100ms"]) };
}

test("a changed file (a weight, one backend less, one more) closes none of 2,000 live connections of untouched backends", {
  timeoutMs: 60_000,
}, async () => {
  await using servers = await greeters("abcd");
  using folder = temporaryFolder();
  const [a, b, c, d] = servers;
  const { program, file } = startWith(folder.path, configuration([spec(a), spec(b), spec(c)]));
  await using _running = program;
  using clients = await crowd(program, 2000);
  const admin = (await program.ready()).admin;

  const next = [spec(a, { weight: 5 }), spec(b), spec(d)];
  writeFileSync(file, configuration(next, { connections: { onRemoved: "close" } }));
  await eventually("the new backend", async () => {
    const shown = await shownBackends(admin);
    return shown[formatAddress((d as Greeter).address)]?.state === "up";
  });
  const onC = clients.visitors.filter(({ name }) => name === "c");
  await Promise.all(onC.map(({ recorder }) => recorder.gone));
  assertEquals(await clients.echo("ab"), 2000 - onC.length);
  const shown = await shownBackends(admin);
  assertEquals(shown[formatAddress((a as Greeter).address)]?.weight, 5);
  using more = await crowd(program, 70);
  const counted = more.visitors.map(({ name }) => name).toSorted();
  assertEquals([counted.filter((name) => name === "a").length, counted.includes("c")], [50, false]);
});

test("SIGHUP reads everything again, certificates too, and live connections stay", async () => {
  await using servers = await greeters("a");
  using folder = temporaryFolder();
  const pem = join(folder.path, "tls.pem");
  const keep = async (name: string): Promise<void> => {
    const made = await certificate([name]);
    writeFileSync(pem, made.certificate + made.key);
  };
  await keep("first.test");
  const text = JSON.stringify({
    frontends: {
      plain: { listen: "127.0.0.1:0", pool: "main" },
      main: {
        listen: "127.0.0.1:0",
        pool: "main",
        tls: { certificates: [{ certificate: "tls.pem", key: "tls.pem" }] },
      },
    },
    pools: { main: { backends: [spec(servers[0])] } },
    admin: { listen: "127.0.0.1:0" },
  });
  const { program } = startWith(folder.path, text);
  await using _running = program;
  const parts = await program.ready();
  using clients = await crowd(program, 20);
  const { frontends } = (await getJson(parts.admin, "/api/frontends")) as {
    frontends: { name: string; address: string }[];
  };
  const port = Number(frontends.find(({ name }) => name === "main")?.address.split(":")[1]);
  assertEquals(certificateName(port), "first.test");
  await keep("second.test");
  program.signal("SIGHUP");
  await eventually("the new certificate", async () => certificateName(port) === "second.test");
  assertEquals(await clients.echo("a"), 20);
});

/** The name in the certificate that a TLS server shows, to one who was not there before. */
function certificateName(port: number): string | undefined {
  const shown = execFileSync("openssl", ["s_client", "-connect", `127.0.0.1:${port}`], {
    input: "",
    encoding: "utf8",
    stdio: ["pipe", "pipe", "ignore"],
  });
  return /subject=CN ?= ?(?<name>\S+)/.exec(shown)?.groups?.name;
}

test("a file with an error changes nothing, and the log names the place, what was found and what is allowed", async () => {
  await using servers = await greeters("a");
  using folder = temporaryFolder();
  const { program, file } = startWith(folder.path, configuration([spec(servers[0])]));
  await using _running = program;
  const { admin } = await program.ready();
  writeFileSync(file, configuration([spec(servers[0], { weight: -3 })]));
  await program.says("pools.main.backends[0].weight");
  await program.says("-3");
  const [shown] = Object.values(await shownBackends(admin));
  assertEquals(shown?.weight, 1);
});

test("--check reads a configuration, says what is wrong with it, and starts nothing", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "chorus.json");
  writeFileSync(file, configuration([{ address: "127.0.0.1:1" }]));
  await using good = startProgram(["balance", "--config", file, "--check"]);
  assertEquals(await good.end(), 0);
  writeFileSync(file, readFileSync(file, "utf8").replace("weighted", "wieghted"));
  await using bad = startProgram(["balance", "--check", "--config", file]);
  assertEquals(await bad.end(), 2);
  assertStringIncludes(bad.stderr, "pools.main.policy");
  assertStringIncludes(bad.stderr, "wieghted");
});

test("a drain with live connections ends at its deadline, and shows how far it is", async () => {
  await using servers = await greeters("ab");
  using folder = temporaryFolder();
  const { program } = startWith(folder.path, configuration([spec(servers[0]), spec(servers[1])]));
  await using _running = program;
  const { admin } = await program.ready();
  using clients = await crowd(program, 40);
  const name = formatAddress((servers[0] as Greeter).address);
  await using drain = startProgram(["drain", name, "--deadline", "1s", "--wait", "--admin", String(admin)]);
  await eventually("draining", async () => (await shownBackends(admin))[name]?.state === "draining");
  const { drains } = (await getJson(admin, "/api/drains")) as { drains: { total: number; left: number }[] };
  assertEquals(drains[0]?.total, 20);
  const drained = clients.visitors.filter((visitor) => visitor.name === "a");
  await Promise.all(drained.map(({ recorder }) => recorder.gone));
  assertEquals(await drain.end(), 0);
  assertEquals(await clients.echo("b"), 20);
  using more = await crowd(program, 10);
  assertEquals(new Set(more.visitors.map((visitor) => visitor.name)), new Set(["b"]));
});

test("what was changed at run time survives a restart, until the file says otherwise", async () => {
  await using servers = await greeters("abc");
  using folder = temporaryFolder();
  const [a, b, c] = servers.map(({ address }) => formatAddress(address));
  const text = configuration([spec(servers[0]), spec(servers[1])]);
  const first = startWith(folder.path, text);
  await using _first = first.program;
  const at = async (program: Program): Promise<string[]> => [
    "--admin",
    String((await program.ready()).admin),
  ];
  for (const words of [
    ["weight", String(a), "7"],
    ["add", String(c)],
    ["remove", String(b)],
  ]) {
    await using command = startProgram([...words, ...(await at(first.program))]);
    assertEquals(await command.end(), 0, command.stderr);
  }
  first.program.signal("SIGTERM");
  assertEquals(await first.program.end(), 0);

  const second = startWith(folder.path, text);
  await using _second = second.program;
  const shown = await shownBackends((await second.program.ready()).admin);
  assertEquals(Object.keys(shown).toSorted(), [a, c].toSorted());
  assertEquals(shown[String(a)]?.weight, 7);
  writeFileSync(second.file, configuration([spec(servers[0], { weight: 2 }), spec(servers[1])]));
  await eventually("the file's word", async () => {
    const now = await shownBackends((await second.program.ready()).admin);
    return now[String(a)]?.weight === 2;
  });
});
