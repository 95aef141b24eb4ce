import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { StartError } from "../../src/cli/errors.ts";
import { status } from "../../src/cli/status.ts";
import { type Address, formatAddress, systemDriver } from "../../src/net/mod.ts";
import { greeter } from "../balancer/frontend/frontends.ts";
import { eventually, temporaryFolder } from "../helpers.ts";
import { Recorder } from "../net/recording.ts";
import { test } from "../testing.ts";
import { NEVER } from "./desk.ts";
import { getJson, type Program, partAddress, startProgram } from "./program.ts";

/** Starts a balancer before one server. */
function balancer(backend: string, more: readonly string[]): Program {
  return startProgram([
    "balance",
    "--listen",
    "127.0.0.1:0",
    "--backend",
    backend,
    "--grace",
    "100ms",
    ...more,
  ]);
}

/** Connects to a frontend, and waits to hear which server it is. */
async function greetedAt(frontend: Address) {
  const recorder = new Recorder();
  const connection = await systemDriver().connect(frontend, recorder);
  await recorder.received(1);
  return { connection, recorder, name: recorder.text.charAt(0) };
}

/** Runs a command to its end, which must be a good one, and gives what it wrote. */
async function run(args: readonly string[]): Promise<string> {
  await using program = startProgram(args);
  assertEquals([await program.end(), program.stderr], [0, ""], args.join(" "));
  return program.stdout;
}

test("a running balancer takes a backend more and drains another by commands, and closes what is left at the deadline", async () => {
  await using a = await greeter("a");
  await using b = await greeter("b");
  const [nameA, nameB] = [formatAddress(a.address), formatAddress(b.address)];
  using folder = temporaryFolder();
  const flags = ["--admin", "127.0.0.1:0", "--state", join(folder.path, "state.json")];
  await using running = balancer(nameA, flags);
  const parts = await running.ready();
  const frontend = partAddress(parts, "tcp");
  const admin = ["--admin", parts.admin ?? ""];
  const first = await greetedAt(frontend);
  assertEquals(first.name, "a");

  const added = await run(["add", nameB, "--weight", "3", ...admin]);
  assertMatch(
    added,
    new RegExp(`^default ${nameB} (suspect|up) missed=[01] weight=3 connections=0 .* source=admin\n$`),
  );
  const drained = await run(["drain", nameA, "--deadline", "600ms", "--wait", ...admin]);
  assertMatch(drained, new RegExp(`^default ${nameA} draining missed=[01] weight=1 connections=1 `));
  assertStringIncludes(drained, `drain backend default/${nameA} done\n`);
  await first.recorder.gone;
  first.connection.abort();
  const second = await greetedAt(frontend);
  assertEquals(second.name, "b");

  const listed = await run(["connections", "--backend", nameB, "--json", ...admin]);
  const { id, backend, idleMs } = JSON.parse(listed);
  assertEquals([backend, typeof idleMs], [nameB, "number"]);
  const closed = await fetch(`http://${parts.admin}/api/connections/${id}`, { method: "DELETE" });
  assertEquals([closed.status, await closed.json()], [200, {}]);
  await second.recorder.gone;
  second.connection.abort();
  let metrics = "";
  await eventually("both ends are counted by their reasons", async () => {
    metrics = await (await fetch(`http://${parts.admin}/metrics`)).text();
    return (
      metrics.includes(`ended_total{pool="default",backend="${nameA}",reason="drained"} 1\n`) &&
      metrics.includes(`ended_total{pool="default",backend="${nameB}",reason="operator"} 1\n`)
    );
  });
  for (const name of ["process_resident_memory_bytes", "process_cpu_seconds_total", "chorus_open_sockets"])
    assert(new RegExp(`^${name} [0-9.]+$`, "m").test(metrics), name);
});

test("beyond loopback a balancer serves its operators by a token that it makes itself", async () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "token");
  await using server = await greeter("a");
  await using running = balancer(formatAddress(server.address), [
    "--admin",
    "0.0.0.0:0",
    "--admin-token",
    file,
  ]);
  const { admin = "" } = await running.ready();
  const reached = admin.replace("0.0.0.0", "127.0.0.1");
  const error = await assertRejects(() => status(["--admin", reached], NEVER), StartError);
  assertStringIncludes(error.message, "asks for a token");
  assertEquals(await getJson(reached, "/health"), { healthy: true });
  assertEquals((await fetch(`http://${reached}/metrics`)).status, 401);
  const shown = await run(["status", "--admin", reached, "--token-file", file]);
  assertStringIncludes(shown, `balance ${reached} healthy\ndefault ${formatAddress(server.address)} `);
  const token = readFileSync(file, "utf8").trim();
  assert(!running.stderr.includes(token), "the token is in the log");
});

test("an address beyond loopback without a token ends with 2, for chat too", async () => {
  const roles = [["balance", "--backend", "127.0.0.1:1"], ["chat"]].map(async (role) => {
    await using program = startProgram([...role, "--admin", "0.0.0.0:0"]);
    assertEquals([await program.end(), program.stdout], [2, ""]);
    assertStringIncludes(program.stderr, "is not a loopback address");
  });
  await Promise.all(roles);
});
