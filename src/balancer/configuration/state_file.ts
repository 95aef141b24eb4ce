import { promises as fs } from "node:fs";
import { dirname } from "node:path";
import { NO_OVERRIDES, type Overrides } from "./overrides.ts";
import { decodeOverrides, encodeOverrides } from "./overrides_text.ts";

/** Why a state file cannot be used: it cannot be read, or written, or it was closed. */
export type StateFileErrorCode = "unreadable" | "unwritable" | "closed";

/**
 * What was changed at run time cannot be kept.
 *
 * @example A folder that is not there
 * ```ts
 * import assert from "node:assert/strict";
 * import { openStateFile, StateFileError } from "chorus";
 *
 * const error = await openStateFile("/nowhere/state.json").catch((error: unknown) => error);
 * assert(error instanceof StateFileError && error.code === "unreadable");
 * ```
 */
export class StateFileError extends Error {
  /** Tells it from other errors. */
  override readonly name = "StateFileError";
  /** What is wrong. */
  readonly code: StateFileErrorCode;

  /** Says what failed. @param message One sentence. */
  constructor(code: StateFileErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A file that keeps what was changed at run time over restarts. One process at a time may use it. */
export interface StateFile extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  /** @internal What it held when it was opened. */
  readonly overrides: Overrides;
  /** A sentence about what was in it and is none of ours, and where that is now. Nothing is taken from such a file. */
  readonly damage: string | undefined;
  /**
   * @internal Replaces what is kept. Resolves once that, or something newer, is on the disk. While a write is under way the newest waits, and
   * the others are never written.
   *
   * @throws {StateFileError} `unwritable`: the file is what it was before. `closed`.
   */
  save(overrides: Overrides): Promise<void>;
  /** Ends the writes under way and takes no more. Idempotent. */
  close(): Promise<void>;
}

/** The most bytes of a state file. */
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * Opens a state file. A missing one is empty. A damaged one is set aside as `FILE.damaged`, in place of an older such.
 *
 * @example A balancer that remembers what was changed while it ran
 * ```ts
 * import assert from "node:assert/strict";
 * import { ConfigurationError, openStateFile, parseConfiguration, startBalancer, systemDriver } from "chorus";
 *
 * const text = `{ "frontends": { "main": { "listen": "127.0.0.1:0", "pool": "web" } },
 *   "pools": { "web": { "backends": ["10.0.0.7:6000"] } } }`;
 * const configuration = parseConfiguration(text, "chorus.json");
 * if (Array.isArray(configuration)) throw new ConfigurationError(configuration, "chorus.json");
 * await using state = await openStateFile("/var/lib/chorus/state.json");
 * assert.equal(state.damage, undefined);
 * const options = { driver: systemDriver(), nodeId: "edge-1", state, onError: console.error };
 * await using balancer = await startBalancer(configuration, options);
 * assert(balancer.addressOf("main"));
 * ```
 *
 * @param path Absolute.
 * @throws {StateFileError} `unreadable`, also where its folder is not there, or a damaged one cannot be set aside.
 */
export async function openStateFile(path: string): Promise<StateFile> {
  try {
    // Else it would only be known at the first change that it cannot be kept.
    await fs.access(dirname(path));
    // What a process left that was stopped while it wrote.
    await fs.rm(temporary(path), { force: true });
    const text = await readText(path);
    if (text === undefined) return new OpenStateFile(path, NO_OVERRIDES, undefined);
    const overrides = typeof text === "string" ? decodeOverrides(text) : text.problem;
    if (typeof overrides !== "string") return new OpenStateFile(path, overrides, undefined);
    await fs.rename(path, `${path}.damaged`);
    const damage = `${path} is damaged (${overrides}): set aside as ${path}.damaged; what was changed at run time is lost`;
    return new OpenStateFile(path, NO_OVERRIDES, damage);
  } catch (error) {
    throw toStateFileError("unreadable", `Cannot read the state file ${path}`, error);
  }
}

/** The text of a file; undefined when there is none. */
async function readText(path: string): Promise<string | { readonly problem: string } | undefined> {
  try {
    const { size } = await fs.stat(path);
    if (size > MAX_BYTES) return { problem: `it has ${size} bytes, more than ${MAX_BYTES}` };
    return await fs.readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function temporary(path: string): string {
  return `${path}.new`;
}

class OpenStateFile implements StateFile {
  readonly path: string;
  readonly overrides: Overrides;
  readonly damage: string | undefined;
  /** The newest that is not being written yet. */
  #next: { overrides: Overrides; readonly written: PromiseWithResolvers<void> } | undefined;
  #writing: Promise<void> | undefined;
  #isClosed = false;

  constructor(path: string, overrides: Overrides, damage: string | undefined) {
    this.path = path;
    this.overrides = overrides;
    this.damage = damage;
  }

  save(overrides: Overrides): Promise<void> {
    if (this.#isClosed)
      return Promise.reject(new StateFileError("closed", `Cannot write the state file ${this.path}: closed`));
    this.#next ??= { overrides, written: Promise.withResolvers() };
    this.#next.overrides = overrides;
    const { promise } = this.#next.written;
    this.#writing ??= this.#writeAll();
    return promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#next; next; next = this.#next) {
      this.#next = undefined;
      try {
        await replace(this.path, encodeOverrides(next.overrides));
        next.written.resolve();
      } catch (error) {
        next.written.reject(
          toStateFileError("unwritable", `Cannot write the state file ${this.path}`, error),
        );
      }
    }
    this.#writing = undefined;
  }
}

/** Replaces a file as a whole: after a crash it is the old one or the new one. */
async function replace(path: string, text: string): Promise<void> {
  const next = temporary(path);
  await fs.rm(next, { force: true });
  const file = await fs.open(next, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.rename(next, path);
  await syncFolder(dirname(path));
}

/** What a system says that cannot write a folder to its disk. */
const CANNOT_SYNC = ["EINVAL", "ENOTSUP", "EISDIR", "EPERM"];

/** Sees to it that a rename survives a power cut, where the system can do that. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await fs.open(path, "r");
    await folder.sync().finally(() => folder.close());
  } catch (error) {
    if (!CANNOT_SYNC.includes(codeOf(error))) throw error;
  }
}

function toStateFileError(code: StateFileErrorCode, action: string, cause: unknown): StateFileError {
  return new StateFileError(code, `${action}: ${codeOf(cause) || String(cause)}`, { cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
