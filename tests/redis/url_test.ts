import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { channelPrefix, checkUrl, connectRedis, RedisError, showUrl } from "../../src/redis/mod.ts";
import { test } from "../testing.ts";

test("showUrl() leaves out the password and nothing else", () => {
  const shown = {
    "redis://h:1": "redis://h:1",
    "redis://:secret@h:1/2": "redis://h:1/2",
    "redis://ann:secret@h": "redis://ann@h",
    "rediss://ann:se@cr:et@h": "rediss://ann@h",
    "unix://ann:secret@/run/redis.sock": "unix://ann@/run/redis.sock",
    "ann:secret@h": "ann@h",
    "redis+sentinel://ann:secret@h:1,i:2/name": "redis+sentinel://ann@h:1,i:2/name",
    "rediss+cluster://:secret@h:1,i:2": "rediss+cluster://h:1,i:2",
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

test("checkUrl() takes every form of address", () => {
  const urls = [
    "redis://h",
    "rediss://ann:secret@h:1/2",
    "unix:///run/redis.sock",
    "redis+sentinel://h/name",
    "redis+sentinel://ann:secret@h:1,i:2,[::1]:3/my-name.2/3",
    "rediss+sentinel://:secret@h:1/name",
    "redis+cluster://h:1",
    "rediss+cluster://ann:se@cr:et@h:1,i,[::1]:2/",
  ];
  for (const url of urls) checkUrl(url);
});

test("channelPrefix() names every database but the first one", () => {
  const prefixes = {
    "redis://h": "p:",
    "redis://h:1/": "p:",
    "redis://h/0": "p:",
    "rediss://ann:secret@h:1/2": "p:db2:",
    "unix:///run/redis.sock": "p:",
    "unix:///run/redis.sock?db=3": "p:db3:",
    "redis+sentinel://h/name": "p:",
    "redis+sentinel://ann:secret@h:1,i:2/name/15": "p:db15:",
    "redis+cluster://h:1": "p:",
  };
  for (const [url, expected] of Object.entries(prefixes)) assertEquals(channelPrefix(url, "p:"), expected);
});

const wrong = {
  "redis+sentinel://:secret@h:1": "/NAME",
  "redis+sentinel://h:1/": "/NAME",
  "redis+sentinel://h:1/name/x": "/NAME",
  "redis+sentinel://h:1,:secret@/name": "HOST:PORT",
  "redis+sentinel://h:1,,i:2/name": "HOST:PORT",
  "redis+cluster://": "HOST:PORT",
  "redis+cluster://h:1,i:99999": '"i:99999"',
  "redis+cluster://h:1/2": "no databases",
  "redis+other://h:1": "redis+cluster://HOST:PORT",
};

for (const [url, reason] of Object.entries(wrong)) {
  test(`checkUrl() says what is wrong with "${url}"`, () => {
    const error = assertThrows(() => checkUrl(url), RedisError, reason);
    assertEquals(error.code, "bad_url");
    assertEquals(error.message.includes("secret"), false);
  });
}

test("connectRedis() refuses a Cluster, which is not one server", async () => {
  const error = await assertRejects(() => connectRedis("redis+cluster://h:1"), RedisError, "many servers");
  assertEquals(error.code, "bad_url");
});
