import process from "node:process";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readBalanceFlags } from "../../src/cli/balance_flags.ts";
import { UsageError } from "../../src/cli/errors.ts";
import { switchFlag } from "../../src/cli/flag_kinds.ts";
import { parseFlags } from "../../src/cli/flags.ts";
import { test } from "../testing.ts";
import { startProgram } from "./program.ts";

test("a flag's environment variable counts where the flag is not given, and is named in its error", async () => {
  await using program = startProgram(["up"], { env: { CHORUS_SERVERS: "many" } });
  assertEquals(await program.end(), 2);
  assertStringIncludes(program.stderr, 'CHORUS_SERVERS: "many" is not a whole number');
  const env = {
    CHORUS_LISTEN: "127.0.0.1:0",
    CHORUS_ADMIN: "none",
    CHORUS_BACKEND: "127.0.0.1:1 127.0.0.1:2,weight=3",
  };
  await using balancer = startProgram(["balance"], { env });
  assertEquals((await balancer.ready()).admin, undefined);
});

/** What comes of an environment variable. */
function underVariable<T>(name: string, text: string, body: () => T): T {
  process.env[name] = text;
  try {
    return body();
  } finally {
    delete process.env[name];
  }
}

test("a switch is set by true or 1, not by false or 0, and by nothing else", () => {
  const given = (text: string): unknown =>
    underVariable("CHORUS_WAIT", text, () => parseFlags("drain", { wait: switchFlag("") }, []).values.wait);
  assertEquals(["true", "1", "false", "0", ""].map(given), [true, true, false, false, false]);
  for (const text of ["yes", "TRUE", "no", " "]) {
    const { message } = assertThrows(() => given(text), UsageError);
    assertEquals(message, `CHORUS_WAIT: "${text}" is not one of true, 1, false, 0`);
  }
});

test("CHORUS_UDP=false is as good as no --udp", () => {
  const said = (text: string): string[] =>
    underVariable("CHORUS_UDP", text, () => readBalanceFlags([]).said.map(({ flag }) => flag));
  assertEquals([said("true").includes("udp"), said("false").includes("udp")], [true, false]);
});
