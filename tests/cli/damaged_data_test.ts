import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { startProgram } from "./program.ts";

test("a database of which pages past the first are damaged is said by up, which ends with 1", async () => {
  using folder = temporaryFolder();
  const flags = ["up", "--listen", "127.0.0.1:0", "--admin", "none", "--servers", "1", "--data", folder.path];
  await using maker = startProgram([...flags, "--grace", "0s"]);
  await maker.ready();
  maker.signal("SIGTERM");
  assertEquals(await maker.end(), 0);
  const path = join(folder.path, "chat.sqlite");
  const pages = readFileSync(path);
  for (let page = 4096; page < pages.length; page += 4096) pages.fill(0xab, page, page + 2000);
  writeFileSync(path, pages);
  await using second = startProgram(flags);
  assertEquals(await second.end(), 1);
  assertStringIncludes(second.stderr, `Cannot open database "${path}": it is damaged`);
});
