import { assert, assertEquals, assertMatch } from "@std/assert";
import { readPageFiles } from "../../../src/chat/web/page_files.ts";
import { formatAddress } from "../../../src/net/mod.ts";
import { test } from "../../testing.ts";
import { chatServers } from "../chat_servers.ts";
import { HandSocket } from "./hand_socket.ts";

const IMPORT = /\b(?:from|import)\s*["']([^"']+)["']/g;

async function withPage(body: (url: string) => Promise<void>): Promise<void> {
  await using cluster = await chatServers(1, { web: {} });
  await body(`http://${formatAddress(cluster.webAt(0))}`);
}

test("the page's modules import nothing but each other, and all that they import is served", () => {
  const files = readPageFiles();
  const missing: string[] = [];
  for (const [path, { type, body }] of files) {
    if (!type.startsWith("text/javascript")) continue;
    for (const [, name = ""] of body.matchAll(IMPORT))
      if (!files.has(new URL(name, `http://page${path}`).pathname)) missing.push(`${path} imports ${name}`);
    assertEquals(body.includes("node:"), false, path);
  }
  assertEquals(missing, []);
  assert(files.size > 20 && files.size < 100, `${files.size} files`);
});

test("the page is served with a policy that allows nothing of other hosts and nothing inline, and holds nothing inline", async () => {
  await withPage(async (url) => {
    const response = await fetch(`${url}/`);
    assertEquals(response.status, 200);
    const policy = response.headers.get("content-security-policy") ?? "";
    for (const part of [
      "default-src 'none'",
      "script-src 'self'",
      "frame-ancestors 'none'",
      "trusted-types 'none'",
    ])
      assert(policy.split("; ").includes(part), part);
    assertEquals(/unsafe|https?:|\*/.test(policy), false);
    const page = await response.text();
    assertEquals(/<script(?![^>]*\bsrc=)|<style|\son\w+=|style=/i.test(page), false);
    assertEquals(/(?:src|href)="(?!\/)/.test(page), false);
  });
});

test("every file that the page names is there, and is sent once: 304 for who has it", async () => {
  await withPage(async (url) => {
    const page = await (await fetch(`${url}/`)).text();
    const paths = Array.from(page.matchAll(/(?:src|href)="([^"]+)"/g), ([, path = ""]) => path);
    assert(paths.length > 20);
    for (const path of new Set(paths)) {
      const first = await fetch(url + path);
      assertEquals([path, first.status], [path, 200]);
      await first.text();
      const etag = first.headers.get("etag") ?? "";
      const again = await fetch(url + path, { headers: { "if-none-match": etag } });
      assertEquals([path, again.status, await again.text()], [path, 304, ""]);
    }
  });
});

test("what is not a file of the page is 404, other methods are 405, and /ws without an upgrade is 426", async () => {
  await withPage(async (url) => {
    const statusOf = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(url + path, init);
      await response.text();
      return response.status;
    };
    for (const path of [
      "/app/chat/server.ts",
      "/app/..%2f..%2fpackage.json",
      "/app/",
      "/index.html",
      "/package.json",
    ])
      assertEquals([path, await statusOf(path)], [path, 404]);
    assertEquals(await statusOf("/", { method: "POST", body: "x" }), 405);
    assertEquals(await statusOf("/", { method: "HEAD" }), 200);
    assertEquals(await statusOf("/ws"), 426);
    assertMatch(await (await fetch(`${url}/health`)).text(), /"server":"s0"/);
  });
});

test("who names no host is answered, and a Host that cannot be is 400", async () => {
  await using cluster = await chatServers(1, { web: {} });
  for (const [host, status] of [
    ["", 200],
    ["127.0.0.1:99999", 400],
    ["a b", 400],
  ] as const) {
    await using socket = await HandSocket.connect(cluster.webAt(0));
    assertEquals([host, await socket.ask({ path: "/health", headers: { host } })], [host, status]);
  }
});
