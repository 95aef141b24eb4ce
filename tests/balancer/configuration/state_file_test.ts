import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Overrides } from "../../../src/balancer/configuration/overrides.ts";
import { NO_OVERRIDES } from "../../../src/balancer/configuration/overrides.ts";
import { openStateFile, StateFileError } from "../../../src/balancer/configuration/state_file.ts";
import { temporaryFolder } from "../../helpers.ts";
import { test } from "../../testing.ts";

function weighing(value: number): Overrides {
  return new Map([["web", new Map([["h:1", { weight: { value, base: 1 } }]])]]);
}

test("openStateFile() starts empty where there is no file, and makes none", async () => {
  using folder = temporaryFolder();
  await using file = await openStateFile(join(folder.path, "state.json"));
  assertEquals([file.overrides, file.damage, readdirSync(folder.path)], [NO_OVERRIDES, undefined, []]);
});

test("what was saved is there after the file is opened again, readable by its owner alone", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "state.json");
  {
    await using file = await openStateFile(path);
    await file.save(weighing(5));
    assertEquals(statSync(path).mode & 0o777, 0o600);
  }
  await using file = await openStateFile(path);
  assertEquals(file.overrides.get("web")?.get("h:1")?.weight, { value: 5, base: 1 });
  assertEquals(readdirSync(folder.path), ["state.json"]);
});

test("save() resolves once it is on the disk, and of many at once the newest is", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "state.json");
  await using file = await openStateFile(path);
  const saves = Array.from({ length: 200 }, (_, at) => file.save(weighing(at)));
  await saves[0];
  assert(readFileSync(path, "utf8").includes("weight"));
  await Promise.all(saves);
  assert(readFileSync(path, "utf8").includes('"value": 199'));
  assertEquals(new Set(saves).size, 2, "more than two writes for all of them");
});

test("close() waits for what was saved, and later saves are refused", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "state.json");
  const file = await openStateFile(path);
  const saved = [file.save(weighing(1)), file.save(weighing(2))];
  await file.close();
  assert(readFileSync(path, "utf8").includes('"value": 2'));
  await Promise.all([...saved, file.close()]);
  assertEquals((await assertRejects(() => file.save(weighing(3)), StateFileError)).code, "closed");
});

test("a damaged file is set aside, reported, and does not keep the balancer from starting", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "state.json");
  for (const text of ['{"version":1,"overrides":[{"pool"', '{"version":99,"overrides":[]}', "\0\0\0"]) {
    writeFileSync(path, text);
    await using file = await openStateFile(path);
    assertEquals(file.overrides, NO_OVERRIDES);
    assert(
      file.damage?.startsWith(`${path} is damaged (`) && file.damage.includes(`${path}.damaged`),
      file.damage,
    );
    assertEquals(readFileSync(`${path}.damaged`, "utf8"), text);
    await file.save(weighing(1));
  }
  await using again = await openStateFile(path);
  assertEquals([again.damage, again.overrides.size], [undefined, 1]);
});

test("a file that is too large to be ours is damaged, and not read", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "state.json");
  writeFileSync(path, "");
  truncateSync(path, 2 ** 25 + 1);
  await using file = await openStateFile(path);
  assert(file.damage?.includes("it has 33554433 bytes, more than 33554432"), file.damage);
});

test("what a process left that was stopped while it wrote is removed and not read", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "state.json");
  writeFileSync(`${path}.new`, "half of it", { mode: 0o644 });
  await using file = await openStateFile(path);
  assertEquals([file.overrides, readdirSync(folder.path)], [NO_OVERRIDES, []]);
  writeFileSync(`${path}.new`, "in the way", { mode: 0o644 });
  await file.save(weighing(1));
  assertEquals([statSync(path).mode & 0o777, readdirSync(folder.path)], [0o600, ["state.json"]]);
});

test("save() rejects where the file cannot be written, and works again when it can", async () => {
  using folder = temporaryFolder();
  const inner = join(folder.path, "inner");
  mkdirSync(inner);
  const path = join(inner, "state.json");
  await using file = await openStateFile(path);
  rmSync(inner, { recursive: true });
  const error = await assertRejects(
    () => file.save(weighing(1)),
    StateFileError,
    "Cannot write the state file",
  );
  assertEquals([error.code, error.message.endsWith("ENOENT")], ["unwritable", true]);
  mkdirSync(inner);
  await file.save(weighing(2));
  assert(readFileSync(path, "utf8").includes('"value": 2'));
});

test("openStateFile() says when what is there cannot be read", async () => {
  using folder = temporaryFolder();
  const error = await assertRejects(
    () => openStateFile(folder.path),
    StateFileError,
    "Cannot read the state file",
  );
  assertEquals(error.code, "unreadable");
});

test("openStateFile() says when there is no folder to keep it in", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "none", "state.json");
  assertEquals((await assertRejects(() => openStateFile(path), StateFileError, "ENOENT")).code, "unreadable");
});
