import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { type IncomingMessage, type RequestOptions, request } from "node:http";
import type { DrainView, FrontendView, PoolView } from "../admin/mod.ts";
import { formatAddress, type TcpAddress } from "../net/mod.ts";
import { StartError, UsageError } from "./errors.ts";

/** How long one answer may take, in milliseconds. */
const ANSWER_MS = 5000;

/** The largest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/** What asks for a change. */
export type ChangeMethod = "POST" | "PATCH" | "DELETE";

interface Answer {
  readonly status: number;
  readonly value: unknown;
}

/** Asks a running role over its admin server. */
export class AdminClient {
  readonly #address: TcpAddress;
  readonly #token: string | undefined;

  /** @param token What is shown to it, if anything. */
  constructor(address: TcpAddress, token: string | undefined) {
    this.#address = address;
    this.#token = token;
  }

  /** Where it is, as `HOST:PORT`. */
  get name(): string {
    return formatAddress(this.#address);
  }

  /**
   * Reads what a path shows.
   *
   * @returns Undefined where the role has nothing of the kind.
   * @throws {StartError} When nothing answers, or what answers does not let us.
   */
  async read(path: string): Promise<object | undefined> {
    const { status, value } = await this.#ask("GET", path, undefined);
    if (status === 404) return undefined;
    // A role that is not healthy says so by 503, with all it has to say.
    if (status === 200 || status === 503) return this.#object(value);
    throw this.#refused(status, value);
  }

  /**
   * Asks for a change and gives what it came to.
   *
   * @throws {UsageError} For a name or a value that cannot be, with what can.
   * @throws {StartError} When it was not done for any other reason.
   */
  async change(method: ChangeMethod, path: string, body?: object): Promise<object> {
    const { status, value } = await this.#ask(method, path, body);
    if (status >= 200 && status < 300) return this.#object(value);
    if (status === 400 || status === 404 || status === 422) throw new UsageError(wordsOf(status, value));
    throw this.#refused(status, value);
  }

  /** The pools there are. @throws {StartError} Also when it is no balancer. */
  pools(): Promise<readonly PoolView[]> {
    return this.#list<PoolView>("/api/pools", "pools");
  }

  /** The frontends there are. @throws {StartError} Also when it is no balancer. */
  frontends(): Promise<readonly FrontendView[]> {
    return this.#list<FrontendView>("/api/frontends", "frontends");
  }

  /** What the role says of itself. @throws {StartError} */
  async health(): Promise<Readonly<Record<string, unknown>>> {
    return { ...(await this.read("/health")) };
  }

  /** The name of the chat server. @throws {UsageError} When it is none. */
  async serverName(): Promise<string> {
    const { role, id } = await this.health();
    if (role === "chat") return String(id);
    throw new UsageError(`--server: what runs at ${this.name} is no chat server, but ${role}`);
  }

  /** The drains under way. @throws {StartError} Also when it has none. */
  drains(): Promise<readonly DrainView[]> {
    return this.#list<DrainView>("/api/drains", "drains");
  }

  /**
   * The pool that a command is about: the one named, or else the only one.
   *
   * @throws {UsageError} Naming the pools, when there is none of that name, or more than one to choose from.
   */
  async poolNamed(name: string | undefined): Promise<PoolView> {
    const pools = await this.pools();
    const names = pools.map((pool) => pool.name).join(", ");
    const [only] = pools;
    if (name === undefined && pools.length === 1 && only) return only;
    const found = pools.find((pool) => pool.name === name);
    if (found) return found;
    if (name === undefined) throw new UsageError(`say which pool by --pool; there are ${names || "none"}`);
    throw new UsageError(`--pool: there is no pool "${name}"; there are ${names || "none"}`);
  }

  /**
   * The pool of a backend that a command is about: the one named, or else the only one that has it.
   *
   * @throws {UsageError} As {@linkcode poolNamed}, and when several have it, or several are there and none has it.
   */
  async poolOf(backend: string, name: string | undefined): Promise<PoolView> {
    if (name !== undefined) return await this.poolNamed(name);
    const pools = await this.pools();
    if (pools.length < 2) return await this.poolNamed(undefined);
    const [only, ...others] = pools.filter(({ backends }) => backends.some((one) => one.name === backend));
    const names = (some: readonly PoolView[]): string => some.map((pool) => pool.name).join(", ");
    if (!only) throw new UsageError(`there is no backend "${backend}" in any of the pools ${names(pools)}`);
    if (others.length === 0) return only;
    throw new UsageError(`say which pool by --pool; ${backend} is a backend of ${names([only, ...others])}`);
  }

  async #list<T>(path: string, key: string): Promise<readonly T[]> {
    const found: unknown = Reflect.get((await this.read(path)) ?? {}, key);
    if (!Array.isArray(found))
      throw new StartError(`What runs at ${this.name} has no ${key}: it is no balancer`);
    // Our own words for our own program: an older one may lack what is new, which is then not shown.
    return found as readonly T[];
  }

  #object(value: unknown): object {
    if (typeof value === "object" && value !== null) return value;
    throw new StartError(`What answers at ${this.name} is not Chorus`);
  }

  #refused(status: number, value: unknown): StartError {
    if (status !== 401) return new StartError(`${this.name} refused: ${wordsOf(status, value)}`);
    if (this.#token === undefined)
      return new StartError(`${this.name} asks for a token; give it by --token-file FILE`);
    return new StartError(`${this.name} refused the token: it is not the one that it was started with`);
  }

  async #ask(method: string, path: string, body: object | undefined): Promise<Answer> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      // Whatever it is called here: only such a name is served.
      host: "localhost",
      connection: "close",
      ...(method !== "GET" && {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(text),
      }),
      ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
    };
    try {
      const signal = AbortSignal.timeout(ANSWER_MS);
      return await exchange({ ...this.#address, path, method, headers, signal, agent: false }, text);
    } catch (cause) {
      const where = `Nothing answers at ${this.name}`;
      const words = `${where}: does \`chorus up\`, \`balance\` or \`chat --admin\` run there? --admin says where`;
      throw new StartError(words, { cause });
    }
  }
}

/** What a path cannot carry as a name: nothing, or a step in it. */
const NO_NAME = /^\.{0,2}$/;

/** @throws {UsageError} When no path of the admin API can carry a name, which none of what it lists has. */
export function checkName(name: string, what: "session" | "backend" | "frontend"): void {
  if (!NO_NAME.test(name)) return;
  const lists = what === "session" ? "sessions" : "status";
  throw new UsageError(`"${name}" is no name of a ${what}; chorus ${lists} lists them`);
}

/** The token in a file. @throws {UsageError} When there is none. */
export function readTokenFile(file: string): string {
  let found: string;
  try {
    found = readFileSync(file, "utf8").trim();
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    throw new UsageError(`--token-file: cannot read ${file}: ${code}`, { cause });
  }
  if (/^[\x21-\x7e]+$/.test(found)) return found;
  throw new UsageError(`--token-file: ${file} holds no token`);
}

/**
 * One request and its answer.
 *
 * Not `fetch`: it would take the Host from the address, and a proxy from the environment. Without an agent, since Bun's uses a
 * connection again that the server has closed.
 */
function exchange(options: RequestOptions, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      readAll(response).then((value) => resolve({ status: response.statusCode ?? 0, value }), reject);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function readAll(response: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    response.on("data", (chunk: Uint8Array) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) response.destroy(new Error("the answer is too large"));
    });
    response.on("error", reject);
    response.on("close", () => reject(new Error("the answer broke off")));
    response.on("end", () => resolve(parsed(Buffer.concat(chunks).toString())));
  });
}

/** Undefined for what is not JSON: such an answer is not ours. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function wordsOf(status: number, value: unknown): string {
  const isTold = typeof value === "object" && value !== null && "error" in value;
  return isTold ? String(value.error) : `status ${status}`;
}
