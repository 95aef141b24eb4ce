import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Writes what a load is to do into a file that only this user reads: very many accounts are too much for an argument. Disposing removes it. */
export function workFile(work: unknown): { readonly path: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "chorus-bench-"));
  const path = join(folder, "work.json");
  writeFileSync(path, JSON.stringify(work), { mode: 0o600 });
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}
