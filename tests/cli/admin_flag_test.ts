import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/errors.ts";
import { Wrong } from "../../src/cli/flags.ts";
import { processUsage } from "../../src/cli/process_usage.ts";
import { adminFlag, openAdminToken } from "../../src/cli/role_flags.ts";
import { openHandles, systemDriver } from "../../src/net/mod.ts";
import { temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";

test("--admin takes any TCP address or none, and no unix socket", () => {
  assertEquals(adminFlag.parse("0.0.0.0:7090"), { host: "0.0.0.0", port: 7090 });
  assertEquals(adminFlag.parse("none"), "none");
  for (const wrong of ["unix:/run/x", "7090", ""]) assert(adminFlag.parse(wrong) instanceof Wrong, wrong);
});

test("--admin beyond loopback needs --admin-token, and says so with its address", () => {
  for (const host of ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
    assertEquals(openAdminToken({ host, port: 1 }, undefined), undefined, host);
  assertEquals(openAdminToken("none", undefined), undefined);
  for (const host of ["0.0.0.0", "::", "10.0.0.7", "128.0.0.1", "127.evil.example"]) {
    const error = assertThrows(() => openAdminToken({ host, port: 7090 }, undefined), UsageError);
    assertStringIncludes(error.message, "is not a loopback address; give --admin-token FILE");
    assertStringIncludes(error.message, host);
  }
});

test("--admin-token makes its file once, and is refused where others may read it", () => {
  using folder = temporaryFolder();
  const file = join(folder.path, "token");
  assertEquals(openAdminToken("none", file), undefined);
  assertEquals(existsSync(file), false);
  assert(openAdminToken({ host: "0.0.0.0", port: 1 }, file)?.isNew);
  const token = openAdminToken({ host: "127.0.0.1", port: 1 }, file);
  assert(token?.matches(readFileSync(file, "utf8").trim()) && !token.isNew);
  chmodSync(file, 0o644);
  const error = assertThrows(() => openAdminToken({ host: "127.0.0.1", port: 1 }, file), UsageError);
  assertStringIncludes(error.message, `--admin-token: Cannot use the token file ${file}: others`);
});

test("processUsage() tells memory, processor time, start and open sockets on every runtime", async () => {
  const before = processUsage();
  assert(before.residentBytes > 1_000_000, `${before.residentBytes}`);
  assert(before.startedAtSeconds <= Date.now() / 1000 && before.startedAtSeconds > Date.now() / 1000 - 3600);
  for (let spent = before.cpuSeconds; spent <= before.cpuSeconds; ) spent = processUsage().cpuSeconds;
  const nobody = { data: () => undefined, close: () => undefined };
  await using listener = await systemDriver().listen({ host: "127.0.0.1", port: 0 }, () => nobody);
  assert("port" in listener.address);
  assertEquals([processUsage().openSockets, openHandles()], [before.openSockets + 1, before.openSockets + 1]);
});
