import { assert, assertEquals } from "@std/assert";
import { type Announcement, redisRegistry } from "../../src/registry/mod.ts";
import { Signal } from "../helpers.ts";
import { redisServer } from "../redis_server.ts";
import { test } from "../testing.ts";
import { startProgram } from "./program.ts";

test("chat with --redis announces when it started, and with --trusted alone that it reads PROXY headers", async () => {
  await using redis = await redisServer();
  const found = new Map<string, Signal<Announcement>>([
    ["7411", new Signal()],
    ["7412", new Signal()],
  ]);
  const joined = (announcement: Announcement): void =>
    found.get(announcement.tcp.slice(-4))?.fire(announcement);
  const ignore = (): void => undefined;
  await using registry = await redisRegistry({ url: redis.url, onError: ignore });
  await using _watch = await registry.watch({ joined, changed: ignore, left: ignore });
  const chat = (port: number, ...more: readonly string[]) =>
    startProgram([
      ...["chat", "--listen", "127.0.0.1:0", "--advertise", `127.0.0.1:${port}`],
      ...["--redis", redis.url, "--grace", "100ms", ...more],
    ]);
  const before = Date.now();
  await using trusting = chat(7411, "--trusted", "10.0.0.0/8");
  await using other = chat(7412);
  const [one, two] = await Promise.all(
    Array.from(found.values(), (signal) => signal.wait("both announcements")),
  );
  assertEquals([one?.proxy, two?.proxy], [2, undefined]);
  for (const { startedAt = 0 } of [one, two].filter((found) => found !== undefined))
    assert(startedAt >= before && startedAt <= Date.now(), `started at ${startedAt}`);
  for (const program of [trusting, other]) program.signal("SIGTERM");
  for (const program of [trusting, other]) assertEquals(await program.end(), 0);
});
