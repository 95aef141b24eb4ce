import process from "node:process";
import type { Logger } from "@logtape/logtape";
import { type Address, formatAddress, NetError } from "../net/mod.ts";
import { UsageError } from "./errors.ts";
import { writeLine } from "./output.ts";

/** The signals that end a command, with the exit codes of a second one. */
const SIGNALS = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 } as const;

/** tsx passes on a Ctrl-C that the terminal has sent to everybody: two SIGINT so close together are one. */
const SAME_INTERRUPT_MS = 250;

/** How the process is asked to end. */
export interface Interruption {
  /** Resolves at the first SIGTERM, SIGINT or SIGHUP. */
  readonly asked: Promise<void>;
  /** What to do at the second one, before the process ends at once with 130, 143 or 129. */
  onSecond(work: () => void): void;
  /** What to do at a SIGHUP, from now on, instead of ending. */
  onHangUp(work: () => void): void;
}

/** Takes over the signals that end a process, for the rest of it. */
export function interruption(): Interruption {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  let askedMs: number | undefined;
  let onSecond: () => void = () => undefined;
  let onHangUp: (() => void) | undefined;

  function ask(signal: string, code: number): void {
    const isFirst = askedMs === undefined;
    const sinceMs = performance.now() - (askedMs ?? 0);
    askedMs ??= performance.now();
    if (isFirst) resolve();
    if (isFirst || (signal === "SIGINT" && sinceMs < SAME_INTERRUPT_MS)) return;
    onSecond();
    process.exit(code);
  }
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (signal === "SIGHUP" && onHangUp) onHangUp();
      else ask(signal, code);
    });
  }
  return {
    asked,
    onSecond(work) {
      onSecond = work;
    },
    onHangUp(work) {
      onHangUp = work;
    },
  };
}

/** Ignores SIGTERM and SIGINT: a child is told by its parent. */
export function ignoreSignals(): void {
  for (const signal of Object.keys(SIGNALS)) process.on(signal, () => undefined);
}

/** Writes the one line that says that a role is ready, in one write. */
export function announceReady(
  role: string,
  parts: Readonly<Record<string, Address | string | undefined>>,
): void {
  const words = Object.entries(parts)
    .filter(([, part]) => part !== undefined)
    .map(
      ([name, part]) => `${name}=${typeof part === "string" ? part : formatAddress(part ?? { path: "" })}`,
    );
  writeLine(`chorus ${role} ready ${words.join(" ")}`);
}

/** Shows people what to do, on standard error: as it is on a terminal, elsewhere as lines of the log. */
export function hint(lines: readonly string[], log: Logger): void {
  if (process.stderr.isTTY) process.stderr.write(`\n${lines.join("\n")}\n\n`);
  else for (const line of lines) log.info("{hint}", { hint: line });
}

/** How this program was started, for examples that can be typed as they are. */
export function programName(): string {
  if (process.versions.deno) return "deno run -P mod.ts";
  return process.versions.bun ? "bun run mod.ts" : "npx tsx mod.ts";
}

/** @throws {UsageError} When the runtime is too old, or has not been given the permissions that the program needs. */
export async function checkRuntime(): Promise<void> {
  const { node, bun, deno } = process.versions;
  if (bun || deno) return await checkPermissions();
  if (Number.parseInt(node, 10) < 24) {
    throw new UsageError(
      `Chorus needs Node 24 or newer, this is ${node}; \`npm ci\` brings one for \`npx tsx mod.ts\``,
    );
  }
}

/** Deno's permissions, as far as they are used here. */
interface Permissions {
  query(descriptor: { name: string }): Promise<{ state: string }>;
  request(descriptor: { name: string }): Promise<{ state: string }>;
}

const NEEDED = ["net", "read", "write", "env", "sys", "run"] as const;

async function checkPermissions(): Promise<void> {
  const { Deno: deno } = globalThis as { Deno?: { permissions: Permissions } };
  if (!deno) return;
  for (const name of NEEDED) {
    const ask = process.stdin.isTTY ? "request" : "query";
    const { state } = await deno.permissions[ask]({ name });
    if (state !== "granted") {
      throw new UsageError(`Chorus needs the permission --allow-${name}; run it as \`deno run -P mod.ts\``);
    }
  }
}

/**
 * Starts something that listens; where its port is taken and was not asked for, on another port, with a warning.
 *
 * @throws {NetError} When it cannot listen.
 */
export async function onFreePort<T, A extends Address>(
  address: A,
  isAskedFor: boolean,
  log: Logger,
  start: (address: A) => Promise<T>,
): Promise<T> {
  try {
    return await start(address);
  } catch (error) {
    if (isAskedFor || !("port" in address && error instanceof NetError && error.code === "in_use"))
      throw error;
    log.warn("{address} is taken: using another port", { address: formatAddress(address) });
    return await start({ ...address, port: 0 });
  }
}
