import { assert, assertEquals } from "@std/assert";
import { partAddress, startProgram } from "../cli/program.ts";
import { RawClient } from "../helpers.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";

const GRACE_MS = 1000;
/** What is promised are 2 s; the rest is for a machine that is busy. */
const MAX_MORE_MS = 4000;

const ROLES: readonly (readonly string[])[] = [
  ["chat"],
  ["chat", "--workers", "2"],
  ["up", "--servers", "2", "--admin", "none"],
];

for (const role of ROLES) {
  test(`${role.join(" ")} ends within 2 s after its grace while Redis is frozen, and its clients have been told at once`, async () => {
    await using redis = await redisServer();
    const flags = ["--listen", "127.0.0.1:0", "--redis", redis.url, "--grace", `${GRACE_MS}ms`];
    await using program = startProgram([...role, ...flags]);
    await using ada = await RawClient.login(partAddress(await program.ready(), "tcp"), "ada");
    redis.kill("SIGSTOP");
    ada.tell({ type: "send", to: "ada", text: "never answered" });
    const started = performance.now();
    program.signal("SIGTERM");
    await ada.next("closing");
    const toldMs = performance.now() - started;
    assertEquals(await program.end(), 0);
    const endedMs = performance.now() - started;
    assert(toldMs < GRACE_MS, `told after ${toldMs} ms`);
    assert(endedMs < GRACE_MS + MAX_MORE_MS, `ended after ${endedMs} ms`);
    assert(!program.stderr.includes("killed"), program.stderr);
  });
}
