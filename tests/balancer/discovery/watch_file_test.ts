import { Buffer } from "node:buffer";
import { mkdir, open, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { withDeadline } from "../../../src/async/mod.ts";
import { DiscoveryError } from "../../../src/balancer/discovery/error.ts";
import {
  MAX_FILE_BYTES,
  type WatchedFile,
  type WatchFileOptions,
  watchFile,
} from "../../../src/balancer/discovery/watch_file.ts";
import { DEADLINE_MS, temporaryFolder } from "../../helpers.ts";
import { test } from "../../testing.ts";

/** Long enough that whatever is seen in time was seen without looking. */
const NEVER_MS = 60_000;

/** Puts a content in the place of what is there: who writes over a file empties it first, which is seen where the machine is slow. */
async function put(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
}

/** Writes a content over what is there, which is no longer than that. */
async function overwrite(path: string, content: string): Promise<void> {
  await using file = await open(path, "r+");
  await file.write(content);
}

/** What a watch has told, to be waited for. */
class Told {
  readonly contents: string[] = [];
  readonly errors: string[] = [];
  #more = Promise.withResolvers<void>();

  readonly add = (content: string): void => {
    this.contents.push(content);
    this.#wake();
  };

  readonly fail = (error: unknown): void => {
    this.errors.push(error instanceof Error ? error.message : String(error));
    this.#wake();
  };

  /** Resolves when that was told as a content or in an error. */
  async has(text: string): Promise<void> {
    const isTold = (): boolean =>
      this.contents.includes(text) || this.errors.some((error) => error.includes(text));
    const seen = async (): Promise<void> => {
      while (!isTold()) await this.#more.promise;
    };
    await withDeadline(seen(), DEADLINE_MS, `be told ${text}`);
  }

  #wake(): void {
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }
}

interface World extends AsyncDisposable {
  readonly path: string;
  readonly folder: string;
  readonly told: Told;
  readonly watched: WatchedFile;
}

/** A folder with a file `conf` that holds `one`, unless `prepare` does otherwise, and is watched. */
async function watching(
  options: WatchFileOptions = {},
  prepare: (path: string, folder: string) => Promise<unknown> = (path) => writeFile(path, "one"),
): Promise<World> {
  const folder = temporaryFolder();
  const path = join(folder.path, "conf");
  await prepare(path, folder.path);
  const told = new Told();
  const settings = { quietMs: 20, pollMs: NEVER_MS, onError: told.fail, ...options };
  const watched = await watchFile(path, told.add, settings);
  return {
    path,
    folder: folder.path,
    told,
    watched,
    async [Symbol.asyncDispose]() {
      await watched.close();
      folder[Symbol.dispose]();
    },
  };
}

test("watchFile() knows the content when it resolves, and tells each other content after it", async () => {
  await using world = await watching();
  assertEquals([world.watched.content, world.told.contents], ["one", []]);
  await overwrite(world.path, "two");
  await world.told.has("two");
  await overwrite(world.path, "three");
  await world.told.has("three");
  assertEquals([world.watched.content, world.told.contents], ["three", ["two", "three"]]);
});

test("watchFile() sees a file that is renamed over the old one, again and again", async () => {
  await using world = await watching();
  for (const content of ["two", "three", "four"]) {
    await put(world.path, content);
    await world.told.has(content);
  }
  assertEquals(world.told.contents, ["two", "three", "four"]);
});

test("watchFile() tells nothing when a file is written with the content that it has", async () => {
  await using world = await watching();
  await overwrite(world.path, "one");
  await world.watched.check();
  await overwrite(world.path, "two");
  await world.told.has("two");
  assertEquals(world.told.contents, ["two"]);
});

test("watchFile() keeps the content of a file that is deleted, and sees it when it is back", async () => {
  await using world = await watching();
  await rm(world.path);
  await world.told.has("there is no such file");
  assertEquals(world.watched.content, "one");
  await put(world.path, "two");
  await world.told.has("two");
  assertEquals([world.told.contents, world.told.errors.length], [["two"], 1]);
});

test("watchFile() waits for a file that is not there yet", async () => {
  await using world = await watching({}, async () => undefined);
  assertEquals([world.watched.content, world.told.errors.length], [undefined, 1]);
  await writeFile(world.path, "one");
  await world.told.has("one");
});

test("watchFile() on a folder that is not there rejects and names it", async () => {
  using folder = temporaryFolder();
  const error = await assertRejects(
    () => watchFile(join(folder.path, "none", "conf"), () => undefined),
    DiscoveryError,
    join(folder.path, "none"),
  );
  assertEquals(error.code, "unreadable");
});

test("watchFile() sees by looking what the system does not tell: a change behind a link to another folder", async () => {
  using other = temporaryFolder();
  const target = join(other.path, "target");
  await writeFile(target, "one");
  await using world = await watching({ pollMs: 30 }, (path) => symlink(target, path));
  assertEquals(world.watched.content, "one");
  await writeFile(target, "two!");
  await world.told.has("two!");
});

test("watchFile() sees a link to a folder of the file that is set anew, as a mounted configuration is", async () => {
  const versions = async (path: string, folder: string): Promise<void> => {
    for (const version of ["1", "2"]) {
      await mkdir(join(folder, version));
      await writeFile(join(folder, version, "conf"), `version ${version}`);
    }
    await symlink("1", join(folder, "current"));
    await symlink(join("current", "conf"), path);
  };
  await using world = await watching({}, versions);
  assertEquals(world.watched.content, "version 1");
  await symlink("2", join(world.folder, "next"));
  await rename(join(world.folder, "next"), join(world.folder, "current"));
  await world.told.has("version 2");
});

test("watchFile() follows a folder that is removed and made anew", async () => {
  await using world = await watching({ pollMs: 30 });
  await rm(world.folder, { recursive: true });
  await world.told.has("there is no such file");
  await mkdir(world.folder);
  await writeFile(world.path, "two");
  await world.told.has("two");
  await writeFile(world.path, "three");
  await world.told.has("three");
});

test("watchFile() reads a file in a folder that is never quiet", async () => {
  await using world = await watching({ quietMs: 40 });
  let isOver = false;
  const noise = (async () => {
    for (let turn = 0; !isOver; turn++) await writeFile(join(world.folder, "noise"), `${turn}`);
  })();
  await writeFile(world.path, "two");
  await world.told.has("two");
  isOver = true;
  await noise;
});

test("watchFile() refuses what is not a file or is too large, and says so once", async () => {
  await using folder = await watching({}, (path) => mkdir(path));
  await folder.watched.check();
  assertEquals([folder.watched.content, folder.told.errors.length], [undefined, 1]);
  assertStringIncludes(folder.told.errors[0] ?? "", "it is not a file");
  await using large = await watching({}, (path) => writeFile(path, Buffer.alloc(MAX_FILE_BYTES + 1)));
  assertEquals(large.watched.content, undefined);
  assertStringIncludes(large.told.errors[0] ?? "", `${MAX_FILE_BYTES} are allowed`);
});

test("watchFile() gives a text without the mark that some editors put before it", async () => {
  await using world = await watching({}, (path) => writeFile(path, "\uFEFFone"));
  assertEquals([world.watched.content, (await readFile(world.path)).length], ["one", 6]);
});

test("a watch that is closed tells nothing more and leaves no timer", async () => {
  const world = await watching();
  await world.watched.close();
  await world.watched.close();
  await writeFile(world.path, "two");
  await world.watched.check();
  assert(world.told.contents.length === 0, "it was told after the end");
  await world[Symbol.asyncDispose]();
});
