import { promises as fs, watch } from "node:fs";
import { dirname } from "node:path";
import { type Clock, systemClock, type Timer } from "../../async/mod.ts";
import { DiscoveryError, type DiscoveryReport } from "./error.ts";

/** Options for {@linkcode watchFile}. */
export interface WatchFileOptions {
  /** Told why the file cannot be read, once for each reason in a row; the last content stays. Must not throw. @default {ignored} */
  readonly onError?: DiscoveryReport | undefined;
  /** How long the folder must be quiet before the file is read, in milliseconds; it is read after ten times as long at the latest. @default {200} */
  readonly quietMs?: number | undefined;
  /** How often the file is looked at, where the system tells nothing, in milliseconds. @default {2000} */
  readonly pollMs?: number | undefined;
  /** @default {systemClock} */
  readonly clock?: Clock | undefined;
}

/** A file that is watched. */
export interface WatchedFile extends AsyncDisposable {
  /** What it held last; undefined when it could not be read so far. */
  readonly content: string | undefined;
  /** Reads it now, without waiting for anything to happen. `onChange` is told as ever. */
  check(): Promise<void>;
  /** Resolves when nothing more will be told. Idempotent. */
  close(): Promise<void>;
}

/** The largest file that is read, in bytes. */
export const MAX_FILE_BYTES: number = 16 * 1024 * 1024;

const QUIET_MS = 200;
const POLL_MS = 2000;
/** So many times `quietMs` a busy folder can put off a reading. */
const MAX_QUIETS = 10;

/**
 * Watches a file: tells `onChange` its new content after each change of that, not of its dates. Resolves after the first reading, of
 * which only `content` tells.
 *
 * - Works on the folder, so that a file that is renamed over it, a link that is set anew and a file that comes later are seen.
 * - A file that is not there, cannot be read, or is larger than {@linkcode MAX_FILE_BYTES}, keeps the last content.
 * - Where the system does not tell of a change, such as on a network's disk, it is seen by looking at the file's dates and size.
 *
 * @param onChange Must not throw.
 * @throws {DiscoveryError} `unreadable`, when the folder is not there.
 */
export async function watchFile(
  path: string,
  onChange: (content: string) => void,
  options: WatchFileOptions = {},
): Promise<WatchedFile> {
  try {
    await fs.stat(dirname(path));
  } catch (cause) {
    throw noFolder(path, cause);
  }
  const watched = new Watched(path, onChange, options);
  await watched.start();
  return watched;
}

class Watched implements WatchedFile {
  readonly #path: string;
  readonly #onChange: (content: string) => void;
  readonly #options: WatchFileOptions;
  readonly #clock: Clock;
  #content: string | undefined;
  /** Ends the watch over the folder; undefined while there is none. */
  #unwatch: (() => void) | undefined;
  /** The folder that is watched, and the file as it was read last, as the system tells them from others. */
  #folderMark = "";
  #fileMark = "";
  #problem: string | undefined;
  #pollTimer: Timer | undefined;
  #quietTimer: Timer | undefined;
  /** When the first change came that was not looked at yet. */
  #stirredAt: number | undefined;
  /** Checks run one after the other. */
  #checking: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(path: string, onChange: (content: string) => void, options: WatchFileOptions) {
    this.#path = path;
    this.#onChange = onChange;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  get content(): string | undefined {
    return this.#content;
  }

  async start(): Promise<void> {
    await this.#watchFolder();
    this.#content = await this.#read();
    this.#pollLater();
  }

  check(): Promise<void> {
    this.#checking = this.#checking.then(() => this.#check());
    return this.#checking;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#pollTimer?.cancel();
    this.#quietTimer?.cancel();
    await this.#checking;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Reads the file and tells what is new. */
  async #check(): Promise<void> {
    if (this.#isClosed) return;
    this.#stirredAt = undefined;
    const content = await this.#read();
    if (content === undefined || content === this.#content || this.#isClosed) return;
    this.#content = content;
    this.#onChange(content);
  }

  #pollLater(): void {
    this.#pollTimer = this.#clock.after(this.#options.pollMs ?? POLL_MS, () => {
      this.#checking = this.#checking.then(async () => {
        if (this.#isClosed) return;
        await this.#watchFolder();
        if ((await this.#markFile()) !== this.#fileMark) await this.#check();
        if (!this.#isClosed) this.#pollLater();
      });
    });
  }

  /** Watches the folder, another one of its name included. Where it cannot be watched, polling goes on. */
  async #watchFolder(): Promise<void> {
    const folder = dirname(this.#path);
    const mark = await fs.stat(folder).then(
      ({ dev, ino }) => `${dev} ${ino}`,
      () => "",
    );
    if (this.#isClosed || (this.#unwatch && mark === this.#folderMark)) return;
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#folderMark = mark;
    if (mark === "") return;
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#onEvent());
      const unwatch = (): void => watcher.close();
      this.#unwatch = unwatch;
      watcher.on("error", () => {
        if (this.#unwatch === unwatch) this.#unwatch = undefined;
        unwatch();
      });
    } catch (cause) {
      this.#fail(unreadable(this.#path, cause));
    }
  }

  /** Something happened in the folder: to the file, or to what it is a link to or made of. */
  #onEvent(): void {
    if (this.#isClosed) return;
    const now = this.#clock.now();
    this.#stirredAt ??= now;
    const { quietMs = QUIET_MS } = this.#options;
    const latest = this.#stirredAt + MAX_QUIETS * quietMs;
    this.#quietTimer?.cancel();
    // The check itself is awaited by close().
    this.#quietTimer = this.#clock.after(Math.max(0, Math.min(quietMs, latest - now)), () => {
      void this.check();
    });
  }

  /** @returns What the file holds; undefined when it cannot be read, which is told. */
  async #read(): Promise<string | undefined> {
    try {
      const { mark, size, isFile } = await this.#look();
      this.#fileMark = mark;
      if (!isFile) throw new DiscoveryError("unreadable", `Cannot read ${this.#path}: it is not a file`);
      const bytes = size > MAX_FILE_BYTES ? undefined : await fs.readFile(this.#path);
      if (!bytes || bytes.length > MAX_FILE_BYTES) throw tooLarge(this.#path, bytes?.length ?? size);
      this.#problem = undefined;
      return new TextDecoder().decode(bytes);
    } catch (cause) {
      this.#fail(unreadable(this.#path, cause));
      return undefined;
    }
  }

  async #markFile(): Promise<string> {
    return await this.#look().then(
      ({ mark }) => mark,
      () => "",
    );
  }

  async #look(): Promise<{ readonly mark: string; readonly size: number; readonly isFile: boolean }> {
    const stat = await fs.stat(this.#path, { bigint: true });
    const mark = `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs}`;
    return { mark, size: Number(stat.size), isFile: stat.isFile() };
  }

  #fail(error: DiscoveryError): void {
    if (this.#isClosed || error.message === this.#problem) return;
    this.#problem = error.message;
    this.#options.onError?.(error, { during: `watch ${this.#path}` });
  }
}

function noFolder(path: string, cause: unknown): DiscoveryError {
  const message = `Cannot watch ${path}: there is no folder ${dirname(path)}`;
  return new DiscoveryError("unreadable", message, { cause });
}

function tooLarge(path: string, bytes: number): DiscoveryError {
  return new DiscoveryError(
    "unreadable",
    `Cannot read ${path}: it has ${bytes} bytes; ${MAX_FILE_BYTES} are allowed`,
  );
}

function unreadable(path: string, cause: unknown): DiscoveryError {
  if (cause instanceof DiscoveryError) return cause;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const words: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    EACCES: "it is forbidden",
    EPERM: "it is forbidden",
  };
  return new DiscoveryError("unreadable", `Cannot read ${path}: ${words[code] ?? code}`, { cause });
}
