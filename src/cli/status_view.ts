import type { BackendView, DrainView, FrontendView, HealthReport, PoolView } from "../admin/mod.ts";
import {
  backendFacts,
  backendLine,
  byteWords,
  drainLine,
  drainName,
  frontendLine,
  timeWords,
} from "./backend_words.ts";
import { printable } from "./client_screen.ts";
import { sparkline } from "./sparkline.ts";
import { LOOKS, type StatusHistory } from "./status_history.ts";
import { type Color, type Column, color, cut, table } from "./table.ts";

/** All that `chorus status` shows. What the role has nothing of is empty. */
export interface Status {
  /** Where it was asked. */
  readonly address: string;
  readonly health: HealthReport;
  readonly pools: readonly PoolView[];
  readonly frontends: readonly FrontendView[];
  readonly drains: readonly DrainView[];
}

/** One line for programs, and what has to change for it to be shown again. */
export interface Fact {
  /** What it is about. */
  readonly key: string;
  readonly fact: string;
  readonly line: string;
}

/** A status as one line of JSON. */
export function jsonLine({ health, pools, frontends, drains }: Status): string {
  return JSON.stringify({ health, pools, frontends, drains });
}

/** A status as lines for programs. */
export function factsOf({ address, health, pools, frontends, drains }: Status): Fact[] {
  const word = health.healthy ? "healthy" : "unhealthy";
  const first = `${printable(health.role)} ${address} ${word}${isStoreAway(health) ? " store=unreachable" : ""}`;
  return [
    { key: "health", fact: first, line: first },
    ...pools.flatMap((pool) => [...poolFacts(pool), ...pool.backends.map((one) => backendFact(pool, one))]),
    ...frontends.map((frontend) => ({
      key: `frontend ${printable(frontend.name)}`,
      fact: `${frontend.draining}`,
      line: frontendLine(frontend),
    })),
    ...drains.map((drain) => ({
      key: `drain ${drainName(drain)}`,
      fact: `${drain.left}`,
      line: drainLine(drain),
    })),
  ];
}

/** Of what has no store it is not said. */
function isStoreAway({ store }: HealthReport): boolean {
  return store === "unreachable";
}

function poolFacts({ name, draining }: PoolView): Fact[] {
  const line = `pool ${printable(name)} draining`;
  return draining ? [{ key: `pool ${printable(name)}`, fact: line, line }] : [];
}

function backendFact(pool: PoolView, backend: BackendView): Fact {
  const key = `${printable(pool.name)} ${printable(backend.name)}`;
  return { key, fact: backendFacts(pool.name, backend).join(" "), line: backendLine(pool.name, backend) };
}

/** What the looks of a second each were like. */
const LATELY = `LAST ${LOOKS} S`;

const STATE_COLORS: Readonly<Record<string, Color>> = {
  up: "green",
  suspect: "yellow",
  down: "red",
  draining: "cyan",
  disabled: "dim",
};

const BACKENDS: readonly Column<BackendView>[] = [
  { title: "BACKEND", rank: 0, cell: ({ name, backup }) => printable(name) + (backup ? " (backup)" : "") },
  {
    title: "STATE",
    rank: 0,
    cell: ({ state }) => printable(state),
    color: ({ state }) => STATE_COLORS[state],
  },
  {
    title: "FOR",
    rank: 4,
    isNumber: true,
    cell: ({ stateMs }) => (stateMs === undefined ? "" : timeWords(stateMs)),
  },
  { title: "MISSED", rank: 3, isNumber: true, cell: ({ missed }) => `${missed}` },
  { title: "WEIGHT", rank: 2, isNumber: true, cell: ({ weight }) => `${weight}` },
  { title: "CONNECTIONS", rank: 1, isNumber: true, cell: ({ connections }) => `${connections}` },
  { title: "MAX", rank: 7, isNumber: true, cell: ({ maxConnections }) => textOf(maxConnections) },
  { title: "TOTAL", rank: 5, isNumber: true, cell: ({ total }) => `${total}` },
  {
    title: "IN",
    rank: 8,
    isNumber: true,
    cell: ({ bytesIn }) => (bytesIn === undefined ? "" : byteWords(bytesIn)),
  },
  {
    title: "OUT",
    rank: 8,
    isNumber: true,
    cell: ({ bytesOut }) => (bytesOut === undefined ? "" : byteWords(bytesOut)),
  },
  { title: "SOURCE", rank: 6, cell: ({ source }) => printable(source) },
  { title: "LAST ERROR", rank: 9, cell: ({ lastError = "" }) => printable(lastError) },
];

/** After the connections: how they went lately, and the bytes. */
function lately(pool: string, history: StatusHistory): readonly Column<BackendView>[] {
  const bytes = ({ name }: BackendView): readonly number[] => history.bytesPerSecondOf(pool, name);
  return [
    { title: LATELY, rank: 1, cell: ({ name }) => sparkline(history.connectionsOf(pool, name), LOOKS) },
    {
      title: "BYTES/S",
      rank: 1,
      isNumber: true,
      cell: (backend) => (bytes(backend).length === 0 ? "" : byteWords(bytes(backend).at(-1) ?? 0)),
    },
    {
      title: LATELY,
      rank: 2,
      cell: (backend) => (bytes(backend).length === 0 ? "" : sparkline(bytes(backend), LOOKS)),
    },
  ];
}

const FRONTENDS: readonly Column<FrontendView>[] = [
  { title: "FRONTEND", rank: 0, cell: ({ name }) => printable(name) },
  { title: "ADDRESS", rank: 1, cell: ({ address }) => printable(address) },
  { title: "PROTOCOL", rank: 6, cell: ({ protocol }) => printable(protocol) },
  { title: "POOL", rank: 3, cell: ({ pool }) => printable(pool) },
  { title: "CONNECTIONS", rank: 0, isNumber: true, cell: ({ connections }) => `${connections}` },
  { title: "TOTAL", rank: 4, isNumber: true, cell: ({ total }) => `${total}` },
  { title: "REFUSED", rank: 2, cell: ({ refused }) => refusedWords(refused) },
  { title: "DRAINING", rank: 5, cell: ({ draining }) => (draining ? "draining" : ""), color: () => "cyan" },
];

const DRAINS: readonly Column<DrainView>[] = [
  { title: "DRAINING", rank: 0, cell: drainName },
  { title: "LEFT", rank: 0, isNumber: true, cell: ({ left, total }) => `${left} of ${total}` },
  { title: "CLOSED IN", rank: 1, isNumber: true, cell: ({ remainingMs }) => timeWords(remainingMs) },
];

const STORE_AWAY = "the store cannot be reached: messages and logins are refused until it can";

/**
 * A status as people read it, in lines of at most `width` characters where that is not all too narrow.
 *
 * @param history What it was before, where that is to be shown, too.
 */
export function screenOf(status: Status, width: number, history?: StatusHistory): string[] {
  const { address, health, pools, frontends, drains } = status;
  const word = health.healthy ? color("green", "healthy") : color("red", "not healthy");
  const lines = [`${cut(`${printable(health.role)} at ${address}`, width - 14)}: ${word}`];
  if (isStoreAway(health)) lines.push(color("red", cut(STORE_AWAY, width)));
  for (const pool of pools) lines.push("", ...poolScreen(pool, width, history));
  if (frontends.length > 0) lines.push("", ...table(frontends, FRONTENDS, width));
  if (drains.length > 0) lines.push("", ...table(drains, DRAINS, width));
  return lines;
}

function poolScreen(pool: PoolView, width: number, history: StatusHistory | undefined): string[] {
  const connections = pool.backends.reduce((sum, backend) => sum + backend.connections, 0);
  const facts = [
    `pool ${printable(pool.name)}: ${printable(pool.policy)}, ${printable(pool.dispatch)}`,
    `${connections} connections`,
    ...(pool.capacity === undefined ? [] : [`room for ${pool.capacity}`]),
    ...(pool.queued ? [`${pool.queued} waiting`] : []),
    ...(pool.draining ? ["draining"] : []),
  ];
  const title = color("bold", cut(facts.join(", "), width));
  if (pool.backends.length === 0) return [title, "no backends"];
  const place = BACKENDS.findIndex((column) => column.title === "CONNECTIONS") + 1;
  const columns = history ? BACKENDS.toSpliced(place, 0, ...lately(pool.name, history)) : BACKENDS;
  return [title, ...table(pool.backends, columns, width)];
}

function textOf(value: number | undefined): string {
  return value === undefined ? "" : String(value);
}

/** The reasons with the most refusals first: `12 (denied 10, no_backend 2)`. */
function refusedWords(refused: Readonly<Record<string, number>>): string {
  const found = Object.entries(refused).filter(([, count]) => count > 0);
  const total = found.reduce((sum, [, count]) => sum + count, 0);
  const reasons = found
    .sort(([, one], [, other]) => other - one)
    .slice(0, 3)
    .map(([reason, count]) => `${printable(reason)} ${count}`);
  return total === 0 ? "0" : `${total} (${reasons.join(", ")})`;
}
