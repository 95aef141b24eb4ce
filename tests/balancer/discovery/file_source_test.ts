import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DiscoveryError } from "../../../src/balancer/discovery/error.ts";
import { parseBackends, watchFileSource } from "../../../src/balancer/discovery/file_source.ts";
import { Membership } from "../../../src/balancer/discovery/membership.ts";
import { createPool } from "../../../src/balancer/pool/pool.ts";
import { Signal, temporaryFolder } from "../../helpers.ts";
import { test } from "../../testing.ts";
import { at } from "../pool/pools.ts";

function problemOf(content: string): DiscoveryError {
  const found = parseBackends(content, "servers.txt");
  assert(found instanceof DiscoveryError, "it was read");
  return found;
}

test("parseBackends() reads one backend a line, without comments, empty lines and carriage returns", () => {
  const text =
    "# the servers\r\n\r\n10.0.0.1:7000\r\n  10.0.0.2:7000,weight=2,backup # the old one\n[::1]:7000,max=9";
  assertEquals(parseBackends(text, "servers.txt"), [
    { address: { host: "10.0.0.1", port: 7000 } },
    { address: { host: "10.0.0.2", port: 7000 }, weight: 2, backup: true },
    { address: { host: "::1", port: 7000 }, maxConnections: 9 },
  ]);
});

test("parseBackends() names each wrong line with what was found and what is allowed", () => {
  const { code, message } = problemOf("10.0.0.1:7000\n\n10.0.0.1\n10.0.0.2:1,weight=x\n10.0.0.1:7000");
  assertEquals(code, "invalid");
  assertStringIncludes(message, 'line 3: "10.0.0.1" is not an address; write HOST:PORT');
  assertStringIncludes(message, 'line 4: "weight=x" is not a weight');
  assertStringIncludes(message, 'line 5: "10.0.0.1:7000" stands in line 1 already');
  assertStringIncludes(message, "Allowed is HOST:PORT[,weight=N][,backup][,max=N]");
});

test("parseBackends() names five wrong lines and how many more there are", () => {
  const { message } = problemOf("x\n".repeat(1000));
  assertStringIncludes(message, "line 5:");
  assertStringIncludes(message, "and 995 more");
  assert(message.length < 1000, message);
});

test("parseBackends() says that an empty file removes nobody", () => {
  const { code, message } = problemOf("# nothing\n\n");
  assertEquals([code, message.includes("an empty file removes nobody")], ["empty", true]);
});

/** A file with that content as the source of a pool. */
async function sourced(content: string) {
  const folder = temporaryFolder();
  const path = join(folder.path, "servers.txt");
  await writeFile(path, content);
  const pool = createPool({ name: "default", policy: "round-robin" });
  const membership = new Membership(pool);
  let failed = new Signal<unknown>();
  const source = await watchFileSource({
    path,
    membership,
    onError: (error) => failed.fire(error),
    timing: { quietMs: 20, pollMs: 60_000 },
  });
  return {
    path,
    pool,
    /** Replaces the file, and waits for what is said of it. */
    async fails(next: string): Promise<unknown> {
      failed = new Signal();
      await writeFile(`${path}.new`, next);
      await rename(`${path}.new`, path);
      return await failed.wait("what is wrong");
    },
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      membership[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}

test("watchFileSource() fills the pool before it resolves, and follows the file", async () => {
  await using world = await sourced("10.0.0.1:7000,weight=3\n10.0.0.2:7000\n");
  const { pool, path } = world;
  assertEquals([at(pool, "10.0.0.1:7000").weight, pool.size], [3, 2]);
  assertEquals(at(pool, "10.0.0.1:7000").source, `file:${path}`);
  const gone = new Signal<string>();
  using _ = pool.watch({ onRemove: ({ name }) => gone.fire(name) });
  await writeFile(path, "10.0.0.1:7000,weight=4\n10.0.0.3:7000\n");
  assertEquals(await gone.wait("a backend leave"), "10.0.0.2:7000");
  assertEquals([at(pool, "10.0.0.1:7000").weight, pool.size], [4, 2]);
});

test("a file with a wrong line, without a backend, or that cannot be read, changes nothing and is reported", async () => {
  await using world = await sourced("10.0.0.1:7000\n10.0.0.2:7000\n");
  for (const [content, words] of [
    ["10.0.0.3:7000\nnonsense", "line 2"],
    ["", "an empty file removes nobody"],
    ["\u0000".repeat(17 * 1024 * 1024), "are allowed"],
  ] as const) {
    const error = await world.fails(content);
    assertStringIncludes(String(error), words);
    assertEquals(
      Array.from(world.pool.backends(), ({ name }) => name),
      ["10.0.0.1:7000", "10.0.0.2:7000"],
    );
  }
});

test("watchFileSource() in a folder that is not there rejects", async () => {
  using folder = temporaryFolder();
  const membership = new Membership(createPool({ name: "default", policy: "round-robin" }));
  const path = join(folder.path, "none", "servers.txt");
  await assertRejects(() => watchFileSource({ path, membership }), DiscoveryError, "there is no folder");
});
