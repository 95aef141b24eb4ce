import { assertEquals, assertRejects } from "@std/assert";
import { connectRedis, RedisError, showUrl } from "../../src/redis/mod.ts";
import { test } from "../testing.ts";

test("showUrl() leaves out the password and nothing else", () => {
  const shown = {
    "redis://h:1": "redis://h:1",
    "redis://:secret@h:1/2": "redis://h:1/2",
    "redis://ann:secret@h": "redis://ann@h",
    "rediss://ann:se@cr:et@h": "rediss://ann@h",
    "unix://ann:secret@/run/redis.sock": "unix://ann@/run/redis.sock",
    "ann:secret@h": "ann@h",
  };
  for (const [url, expected] of Object.entries(shown)) assertEquals(showUrl(url), expected);
});

for (const url of ["http://:secret@h", "127.0.0.1:6379", "redis://", "unix:///", "redis://h:99999"]) {
  test(`connectRedis() refuses the address "${url}" as bad_url and keeps its password`, async () => {
    const error = await assertRejects(() => connectRedis(url), RedisError, "redis://HOST:PORT");
    assertEquals(error.code, "bad_url");
    assertEquals(error.message.includes("secret"), false);
  });
}
