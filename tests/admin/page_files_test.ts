import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AdminToken } from "../../src/admin/mod.ts";
import { temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { change, startWith, urlOf } from "./requests.ts";

test("GET / is the dashboard, also for one without the token: it asks for it itself", async () => {
  using folder = temporaryFolder();
  const token = AdminToken.open(join(folder.path, "token"));
  if (typeof token === "string") throw new Error(token);
  await using admin = await startWith({}, { token });
  const response = await fetch(urlOf(admin, "/"));
  assertEquals([response.status, response.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  const policy = response.headers.get("content-security-policy") ?? "";
  assertStringIncludes(policy, "default-src 'none'; script-src 'self'; style-src 'self'");
  const page = await response.text();
  assert(!/<script>|<style>|\son\w+=|\sstyle=/.test(page), "a script or a style within the page");
});

test("all that the page is made of is served, with no types in it and nothing from elsewhere", async () => {
  await using admin = await startWith({});
  const seen = new Set<string>();
  const waiting = [...(await textOf("/")).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = ""]) => path);
  async function textOf(path: string): Promise<string> {
    const response = await fetch(urlOf(admin, path));
    assertEquals(response.status, 200, path);
    return await response.text();
  }
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const text = await textOf(path);
    if (!path.endsWith(".js")) continue;
    assert(!/\binterface \w+ \{|import type/.test(text), `there are types in ${path}`);
    for (const [, , name = ""] of text.matchAll(/\b(import|from)\s*"(\/[^"\n]+)"/g)) waiting.push(name);
  }
  const paths = [...seen];
  assert(
    paths.every((path) => path.startsWith("/page/")),
    paths.join(" "),
  );
  for (const name of ["preact", "htm", "htm-preact", "uplot"])
    assert(seen.has(`/page/packages/${name}.js`), name);
  assert(seen.has("/page/admin/page/model.js") && seen.has("/page/async/backoff.js"), paths.join(" "));
});

test("a file of the page that a browser has is not sent again, and nothing else is below /page/", async () => {
  await using admin = await startWith({});
  const first = await fetch(urlOf(admin, "/page/style.css"));
  await first.body?.cancel();
  const etag = first.headers.get("etag") ?? "";
  assertMatch(etag, /^"[\w-]{43}"$/);
  const again = await fetch(urlOf(admin, "/page/style.css"), { headers: { "if-none-match": etag } });
  assertEquals([again.status, await again.text()], [304, ""]);
  for (const path of [
    "/page/",
    "/page/admin/server.ts",
    "/page/admin/token.js",
    "/page/%2e%2e/package.json",
  ]) {
    const { status, body } = await fetch(urlOf(admin, path));
    await body?.cancel();
    assertEquals(status, 404, path);
  }
  const [status] = await change(admin, "POST", "/", {});
  assertEquals(status, 405);
  const head = await fetch(urlOf(admin, "/"), { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
});
