/**
 * Who holds very many chat connections: servers behind one balancer with several workers, behind two tiers of them, or with connections handed
 * over, on each runtime.
 *
 * @module
 */
import process from "node:process";
import { descriptorLimit, redisStore } from "../../mod.ts";
import { redisServer } from "../../tests/redis_server.ts";
import type { Round, Row, Sample } from "../contract.ts";
import type { Account, HoldResult, HoldWork } from "../load/contract.ts";
import { percentile } from "../load/measurement.ts";
import {
  RUNTIME_NAMES,
  type Running,
  type RuntimeName,
  residentMemoryOf,
  startFile,
  treeOf,
} from "../processes.ts";
import { NO_LIMITS, readyAt } from "./chat_rows.ts";
import { type HoldLayout, holdLayout, randomPairs } from "./hold_layout.ts";
import { reject, seedAccounts } from "./seed.ts";
import { workFile } from "./work_file.ts";

/** How much is held, and for how long. */
interface Amount {
  readonly connections: number;
  readonly pairs: number;
  readonly holdMs: number;
  readonly messageEveryMs: number;
}

const AMOUNTS: Readonly<Record<Round["size"], Amount>> = {
  full: { connections: 60_000, pairs: 1000, holdMs: 30_000, messageEveryMs: 2000 },
  small: { connections: 1000, pairs: 50, holdMs: 300, messageEveryMs: 200 },
};

/** Connections from one source address: the system has a little over 28,000 ports for each, and some are not free again yet. */
const PER_SOURCE = 6000;
/** Connections of one balancer to one address of another one, for the same reason. */
const PER_TIER = 20_000;

/** Servers and what is before them. */
interface Held {
  /** Where clients connect. */
  readonly address: string;
  /** The ids of their processes. */
  readonly balancers: readonly number[];
  readonly servers: readonly number[];
}

/** Starts all processes of a row, which `opened` then owns. */
type Start = (place: Place) => Promise<Held>;

interface Place {
  readonly runtime: RuntimeName;
  readonly layout: HoldLayout;
  readonly redisUrl: string;
  readonly opened: AsyncDisposableStack;
}

/** The rows of the scenario. */
export function holdRows(): readonly Row[] {
  return [
    ...rowsOf("splice", splice),
    ...rowsOf("hand-over", handOver),
    ...rowsOf("two tiers", twoTiers, { isVariant: true }),
  ];
}

function rowsOf(name: string, start: Start, more: Partial<Row> = {}): readonly Row[] {
  return RUNTIME_NAMES.map((runtime) => ({
    name: `${name} ${runtime}`,
    kind: "ours",
    measure: ({ size }) => measure(runtime, start, AMOUNTS[size]),
    ...more,
  }));
}

/** One balancer, whose workers share its port. */
const splice: Start = async (place) => {
  const { servers, addresses: backends } = await chatServers(place);
  const { address, programs } = await balancerBefore(backends, place);
  return { address, balancers: programs, servers };
};

/** One such balancer before another one, which it knows by as many addresses of the loopback as it takes to have a port for each connection. */
const twoTiers: Start = async (place) => {
  const { servers, addresses: backends } = await chatServers(place);
  const second = await balancerBefore(backends, place, "0.0.0.0");
  const port = second.address.split(":").at(-1);
  const count = Math.ceil(place.layout.connections / PER_TIER);
  const addresses = Array.from({ length: count }, (_, index) => `127.0.0.${1 + index}:${port}`);
  const first = await balancerBefore(addresses, place);
  return { address: first.address, balancers: [...first.programs, ...second.programs], servers };
};

/** `chorus up`, whose servers are its children. */
const handOver: Start = async ({ runtime, layout, redisUrl, opened }) => {
  const flags = ["--dispatch", "hand-over", "--servers", `${layout.servers}`, "--redis", redisUrl];
  const args = ["up", "--listen", "127.0.0.1:0", "--admin", "none", ...flags, ...NO_LIMITS];
  const [up, [address = ""]] = await startAll("up", runtime, [args], opened);
  const [parent = 0, ...children] = up.flatMap(treeOf);
  return { address, balancers: [parent], servers: children };
};

async function chatServers({ runtime, layout, redisUrl, opened }: Place) {
  const args = ["chat", "--listen", "127.0.0.1:0", "--redis", redisUrl, ...NO_LIMITS];
  const all = Array.from({ length: layout.servers }, () => args);
  const [servers, addresses] = await startAll("chat", runtime, all, opened);
  return { servers: servers.flatMap(treeOf), addresses };
}

async function balancerBefore(
  backends: readonly string[],
  { runtime, layout, opened }: Place,
  host: string = "127.0.0.1",
) {
  const { workers, connections } = layout;
  const pool = backends.flatMap((backend) => ["--backend", backend]);
  const flags = ["--workers", `${workers}`, "--max-connections", `${connections}`];
  const args = ["balance", "--listen", `${host}:0`, "--admin", "none", ...pool, ...flags];
  const [programs, [address = ""]] = await startAll("balance", runtime, [args], opened);
  return { programs: programs.flatMap(treeOf), address };
}

/** Starts programs at the same time, and ends them at the same time. @returns Their ids and their addresses. */
async function startAll(
  role: string,
  runtime: RuntimeName,
  all: readonly (readonly string[])[],
  opened: AsyncDisposableStack,
): Promise<readonly [readonly number[], readonly string[]]> {
  const programs = all.map((args) => startFile(role, runtime, "mod.ts", args));
  endTogether(programs, opened);
  const addresses = await readyAt(programs, new RegExp(`^chorus ${role} ready tcp=(\\S+)`, "m"));
  return [programs.map(({ pid }) => pid), addresses];
}

function endTogether(programs: readonly Running[], opened: AsyncDisposableStack): void {
  opened.defer(async () => {
    await Promise.all(programs.map((program) => program[Symbol.asyncDispose]()));
  });
}

async function measure(runtime: RuntimeName, start: Start, amount: Amount): Promise<Sample> {
  const layout = holdLayout(amount.connections, descriptorLimit());
  await using opened = new AsyncDisposableStack();
  const { url: redisUrl } = opened.use(await redisServer());
  const accounts = await seed(redisUrl, layout.connections);
  const held = await start({ runtime, layout, redisUrl, opened });
  const loads = startLoads({ layout, accounts, amount, address: held.address, opened });
  const openedAt = performance.now();
  const warm = sum(await everyone(loads, "warm", /^warm (\d+)$/m), ([, count]) => Number(count));
  const [balancers, servers] = [new Growth(held.balancers), new Growth(held.servers)];
  await everyone(loads, "open", /^opened$/m);
  const openMs = performance.now() - openedAt;
  await everyone(loads, "hold", /^settled$/m);
  const results = await reports(loads);
  const count = sum(results, (result) => result.held);
  const why = new Set(results.flatMap(({ failures }) => failures));
  if (count < layout.connections)
    process.stderr.write(`${layout.connections - count} connections are not held: ${[...why].join("; ")}\n`);
  return {
    held: count,
    open: openMs / 1000,
    balancer: balancers.bytes() / (count - warm) / 1000,
    server: servers.bytes() / (count - warm) / 1000,
    memory: balancers.all() / 1e6,
    ...seen(results),
  };
}

async function seed(url: string, count: number): Promise<readonly Account[]> {
  await using store = await redisStore({ url, onError: reject });
  return await seedAccounts(store, count);
}

interface Loads {
  readonly layout: HoldLayout;
  readonly accounts: readonly Account[];
  readonly amount: Amount;
  readonly address: string;
  readonly opened: AsyncDisposableStack;
}

/** Starts the processes that connect, each with its share of the accounts; whom somebody writes to may be in another one. */
function startLoads({ layout, accounts, amount, address, opened }: Loads): readonly Running[] {
  const pairs = randomPairs(
    accounts.map(({ name }) => name),
    amount.pairs,
  );
  const share = Math.ceil(accounts.length / layout.loads);
  const loads = Array.from({ length: layout.loads }, (_, index) => {
    const own = accounts.slice(index * share, (index + 1) * share);
    const receivers = Object.fromEntries(own.flatMap(({ name }) => pairOf(name, pairs)));
    const { holdMs, messageEveryMs } = amount;
    const sources = Array.from({ length: Math.ceil(own.length / PER_SOURCE) }, nextSource);
    const work: HoldWork = { address, sources, accounts: own, receivers, holdMs, messageEveryMs };
    return startFile("load", "node", "bench/load/hold_load.ts", [opened.use(workFile(work)).path]);
  });
  endTogether(loads, opened);
  return loads;
}

function pairOf(name: string, pairs: ReadonlyMap<string, string>): readonly (readonly [string, string])[] {
  const receiver = pairs.get(name);
  return receiver === undefined ? [] : [[name, receiver]];
}

let sourceNumber = Math.floor(Math.random() * 252);

/** An address of the loopback that was not used for a while: its ports are free only some time after. */
function nextSource(): string {
  sourceNumber += 1;
  return `127.0.0.${2 + (sourceNumber % 252)}`;
}

/** Tells all to do something, and waits until they say that they have. */
async function everyone(
  loads: readonly Running[],
  command: string,
  pattern: RegExp,
): Promise<readonly RegExpExecArray[]> {
  for (const load of loads) load.tell(command);
  return await Promise.all(loads.map((load) => load.line(pattern)));
}

async function reports(loads: readonly Running[]): Promise<readonly HoldResult[]> {
  const lines = await everyone(loads, "report", /^\{.*\}$/m);
  return lines.map(([line]) => JSON.parse(line) as HoldResult);
}

/** What the clients saw. A row in which nobody was answered fails. */
function seen(results: readonly HoldResult[]): Sample {
  const answered = sum(results, (result) => result.answered);
  if (answered === 0)
    throw new Error(`Cannot measure: nobody was answered; ${results.flatMap((result) => result.failures)}`);
  const took = Float64Array.from(results.flatMap(({ tookUs }) => tookUs)).sort();
  return {
    p50: percentile(took, 0.5) / 1000,
    p99: percentile(took, 0.99) / 1000,
    answered: (100 * answered) / sum(results, ({ asked }) => asked),
    delivered: (100 * took.length) / sum(results, ({ sent }) => sent),
  };
}

function sum<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((total, item) => total + count(item), 0);
}

/** How much more memory processes have than at first. */
class Growth {
  readonly #pids: readonly number[];
  readonly #before: number;

  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#before = sum(pids, residentMemoryOf);
  }

  bytes(): number {
    return this.all() - this.#before;
  }

  /** What they have now, in bytes. */
  all(): number {
    return sum(this.#pids, residentMemoryOf);
  }
}
