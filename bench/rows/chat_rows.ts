/**
 * Who carries chat messages: our servers over Redis or over SQLite, on each runtime, and Socket.IO with its Redis adapter.
 *
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localBus, openWriter, redisStore, type Store, sqliteStore } from "../../mod.ts";
import { redisServer } from "../../tests/redis_server.ts";
import type { Round, Row, Sample } from "../contract.ts";
import type { Account, LoadResult, LoadWork } from "../load/contract.ts";
import {
  type Counted,
  ProcessorTime,
  RUNTIME_NAMES,
  type Running,
  type RuntimeName,
  startFile,
} from "../processes.ts";
import { reject, seedAccounts, seedGroup } from "./seed.ts";

/** What the users do. */
export interface ChatWork {
  readonly type: "pairs" | "group";
  readonly mode: "send" | "signal";
  readonly users: number;
  readonly inFlight: number;
}

/** Servers that are ready for users. */
export interface Cluster extends AsyncDisposable {
  readonly kind: LoadWork["kind"];
  readonly addresses: readonly string[];
  readonly accounts: readonly Account[];
  /** Those whose processor time is counted, the load not among them. */
  readonly programs: readonly Counted[];
}

/** The group that everybody is in. */
const GROUP = "#all";
const BYTES = 64;
/** Flags for a server that is to take what a few clients do all the time. */
export const NO_LIMITS: readonly string[] = ["register", "messages", "connections"].flatMap((name) => [
  "--limit",
  `${name}=off`,
]);
const SERVERS = 2;
/** The most users where it only has to work. */
const SMALL_USERS = 101;

/** Starts what the users of a row use. */
export type StartCluster = (work: ChatWork) => Promise<Cluster>;

/** Those that a quick look takes: each store, and each runtime, once. */
const QUICK: readonly string[] = ["socket.io", "redis node", "redis deno", "sqlite bun"];

/** The rows of a chat scenario. */
export function chatRows(work: ChatWork): readonly Row[] {
  const rows = [
    row("socket.io", "peer", work, (sized) => socketIo("socket.io", sized)),
    row("socket.io untold", "peer", work, (sized) => socketIo("socket.io untold", sized)),
    ...RUNTIME_NAMES.map((runtime) =>
      row(`redis ${runtime}`, "ours", work, (sized) => overRedis(runtime, sized)),
    ),
    ...RUNTIME_NAMES.map((runtime) =>
      row(`sqlite ${runtime}`, "ours", work, (sized) => overSqlite(runtime, sized)),
    ),
  ];
  return rows.map((one) => ({ ...one, isVariant: !QUICK.includes(one.name) }));
}

/** A row of what users do with a cluster. */
export function row(name: string, kind: Row["kind"], work: ChatWork, start: StartCluster): Row {
  return {
    name,
    kind,
    async measure(round) {
      const users = round.size === "small" ? Math.min(work.users, SMALL_USERS) : work.users;
      const sized = { ...work, users };
      await using cluster = await start(sized);
      return await load(cluster, sized, round);
    },
  };
}

async function load(cluster: Cluster, work: ChatWork, round: Round): Promise<Sample> {
  const { kind, addresses, accounts, programs } = cluster;
  const order = { ...work, ...round, kind, addresses, accounts, group: GROUP, bytes: BYTES };
  await using generator = startFile("load", "node", "bench/load/chat_load.ts", [JSON.stringify(order)]);
  await generator.line(/^measuring$/m);
  const time = new ProcessorTime(programs);
  const [line] = await generator.line(/^\{.*\}$/m);
  const used = time.since();
  const result = JSON.parse(line) as LoadResult;
  const { seconds, sends, deliveries, p50Ms, p99Ms, maxMs } = result;
  const each = (cpuUs: number | undefined): number => (cpuUs ?? 0) / deliveries;
  return {
    delivered: deliveries / seconds,
    sent: sends / seconds,
    p50: p50Ms,
    p99: p99Ms,
    max: maxMs,
    servers: each(used.get("server")),
    redis: each(used.get("redis")),
    load: each(result.cpuUs),
  };
}

async function socketIo(kind: LoadWork["kind"], { users }: ChatWork): Promise<Cluster> {
  const opened = new AsyncDisposableStack();
  const redis = opened.use(await redisServer());
  const start = (): Running =>
    opened.use(startFile("server", "node", "bench/rows/socket_io_server.ts", [redis.url]));
  const servers = Array.from({ length: SERVERS }, start);
  const addresses = await readyAt(servers, /^ready (\S+)$/m);
  const accounts = Array.from({ length: users }, (_, index) => ({ name: `u${index}`, token: "" }));
  return cluster(kind, addresses, accounts, [...servers, { role: "redis", pid: redis.pid }], opened);
}

/** Two `chorus chat` on a Redis. */
export async function overRedis(
  runtime: RuntimeName,
  work: Pick<ChatWork, "type" | "users">,
): Promise<Cluster> {
  const opened = new AsyncDisposableStack();
  const redis = opened.use(await redisServer());
  await using store = await redisStore({ url: redis.url, onError: reject });
  const accounts = await seed(store, work);
  const args = ["chat", "--redis", redis.url, "--listen", "127.0.0.1:0", ...NO_LIMITS];
  const start = (): Running => opened.use(startFile("server", runtime, "mod.ts", args));
  const servers = Array.from({ length: SERVERS }, start);
  const addresses = await readyAt(servers, /^chorus chat ready tcp=(\S+)/m);
  return cluster("chorus", addresses, accounts, [...servers, { role: "redis", pid: redis.pid }], opened);
}

/** `chorus up` with two servers on a data folder. */
export async function overSqlite(
  runtime: RuntimeName,
  work: Pick<ChatWork, "type" | "users">,
): Promise<Cluster> {
  const opened = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "chorus-bench-"));
  opened.defer(() => rmSync(dir, { recursive: true, force: true }));
  const accounts = await seedFolder(dir, work);
  const args = ["up", "--servers", `${SERVERS}`, "--data", dir, "--listen", "127.0.0.1:0", "--admin", "none"];
  const up = opened.use(startFile("server", runtime, "mod.ts", [...args, ...NO_LIMITS]));
  const addresses = await readyAt([up], /^chorus up ready tcp=(\S+)/m);
  return cluster("chorus", addresses, accounts, [up], opened);
}

async function seedFolder(dir: string, work: Pick<ChatWork, "type" | "users">): Promise<readonly Account[]> {
  await using bus = localBus();
  const hint = (user: string, line: Uint8Array): void => bus.publish(`user:${user}`, line);
  await using writer = await openWriter({ dir, durable: "memory", hint, onError: reject });
  await using store = await sqliteStore({ dir, writer });
  return await seed(store, work);
}

async function seed(
  store: Store,
  { users, type }: Pick<ChatWork, "type" | "users">,
): Promise<readonly Account[]> {
  const accounts = await seedAccounts(store, users);
  if (type === "group") await seedGroup(store, GROUP, accounts);
  return accounts;
}

/** The addresses that programs say when they are ready. */
export async function readyAt(programs: readonly Running[], pattern: RegExp): Promise<readonly string[]> {
  const lines = await Promise.all(programs.map((program) => program.line(pattern)));
  return lines.map(([, address = ""]) => address);
}

/** What was started, all of which `opened` owns. */
export function cluster(
  kind: Cluster["kind"],
  addresses: readonly string[],
  accounts: readonly Account[],
  programs: readonly Counted[],
  opened: AsyncDisposableStack,
): Cluster {
  return { kind, addresses, accounts, programs, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
