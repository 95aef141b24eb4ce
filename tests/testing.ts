/**
 * `test` for every test file: that of `node:test` with what the three runners do not do alike.
 *
 * An error thrown in a callback fails the test (Deno swallows it), a socket left open fails it (Bun and Deno do not
 * mind), and a test that hangs fails after a minute (Bun has 5 seconds, Node none).
 *
 * @module
 */
import process from "node:process";
import { test as nodeTest } from "node:test";
import { openHandles } from "../src/net/mod.ts";

/** Options for {@linkcode test}. */
export interface TestOptions {
  /** Why the test does not run here; absent to run it. */
  skip?: string | undefined;
  /** The longest it may take, in milliseconds. @default {60000} */
  timeoutMs?: number;
  /** Whether sockets may stay open, for a test whose file closes them later. @default {false} */
  leavesHandles?: boolean;
}

/** Runs on which runtime, by name. */
export const RUNTIME: "node" | "bun" | "deno" = runtime();

let uncaught: unknown[] = [];
process.on("uncaughtException", (error) => uncaught.push(error));

/** Defines a test. The name is a sentence that is false when the code is broken. */
export function test(name: string, body: () => unknown): void;
export function test(name: string, options: TestOptions, body: () => unknown): void;
export function test(name: string, first: TestOptions | (() => unknown), second?: () => unknown): void {
  const options = typeof first === "function" ? {} : first;
  const body = typeof first === "function" ? first : second;
  if (!body) throw new TypeError(`Cannot define test "${name}": no body`);
  const { skip, timeoutMs = 60_000, leavesHandles = false } = options;
  const settings = skip === undefined ? { timeout: timeoutMs } : { timeout: timeoutMs, skip };
  void nodeTest(name, settings, async () => {
    uncaught = [];
    const before = openHandles();
    await body();
    if (uncaught.length > 0) throw new AggregateError(uncaught, `errors outside of the test: ${uncaught}`);
    if (!leavesHandles) await handlesClosed(before);
  });
}

/** A closed socket is reported a moment after its test has seen it close: some turns of the loop, not a wait for time. */
async function handlesClosed(before: number): Promise<void> {
  for (let turn = 0; turn < 200 && openHandles() > before; turn++)
    await new Promise((resolve) => setTimeout(resolve, turn < 100 ? 0 : 10));
  if (openHandles() > before) throw new Error(`${openHandles() - before} sockets were left open`);
}

function runtime(): "node" | "bun" | "deno" {
  if (process.versions.bun) return "bun";
  return process.versions.deno ? "deno" : "node";
}
