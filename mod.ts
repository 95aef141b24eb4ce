/**
 * Chorus: a load balancer, a chat cluster and the bus between its servers, for Node, Bun and Deno.
 *
 * Imported, it is a library: everything below. Run directly, it is the command line: `npx tsx mod.ts`, `bun run mod.ts`,
 * `deno run -P mod.ts`.
 *
 * @module
 */
import { realpathSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";

export * from "./src/admin/mod.ts";
export * from "./src/async/mod.ts";
export * from "./src/balancer/mod.ts";
export * from "./src/bus/mod.ts";
export * from "./src/chat/mod.ts";
export * from "./src/net/mod.ts";
export * from "./src/redis/mod.ts";
export * from "./src/registry/mod.ts";
export * from "./src/server/mod.ts";

// Older runtimes have no import.meta.main, and a worker's entry module has one, too.
const { main: isMain } = import.meta as ImportMeta & { main?: boolean };
const isEntry =
  isMainThread &&
  (isMain ??
    (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href));

if (isEntry) {
  const { main } = await import("./src/cli/main.ts");
  await main(process.argv.slice(2));
}
