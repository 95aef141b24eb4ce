import { realpathSync } from "node:fs";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";

/** Whether a module is what the program was started with, not one that is imported, nor that of a worker thread. */
export function isEntry(module: ImportMeta): boolean {
  if (!isMainThread) return false;
  // Older runtimes have no import.meta.main, and a worker's entry module has one, too.
  const { main } = module as ImportMeta & { main?: boolean };
  if (main !== undefined) return main;
  const [, path] = process.argv;
  return path !== undefined && module.url === pathToFileURL(realpathSync(path)).href;
}
