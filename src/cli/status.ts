import process from "node:process";
import type { DrainView, FrontendView, HealthReport, PoolView } from "../admin/mod.ts";
import type { AdminClient } from "./admin_client.ts";
import { ADMIN_FLAGS, clientOf, poolFlag, readCommandLine } from "./admin_flags.ts";
import { StartError, UsageError } from "./errors.ts";
import { switchFlag } from "./flag_kinds.ts";
import { unread, writeLines } from "./output.ts";
import type { Interruption } from "./process.ts";
import { factsOf, jsonLine, type Status, screenOf } from "./status_view.ts";
import { watchStatus } from "./status_watch.ts";

const STATUS = {
  name: "status",
  operands: "",
  counts: [0, 0],
  flags: {
    watch: switchFlag(
      "follow it: on a terminal a live picture until q or Ctrl-C, else a line for each change",
    ),
    json: switchFlag("one JSON object a line"),
    pool: { ...poolFlag, help: "this pool alone" },
    ...ADMIN_FLAGS,
  },
  summary:
    "Shows the backends of a running balancer, their state, connections and heartbeats, its frontends and its drains.",
} as const;

/** `chorus status`: gives the exit code. */
export async function status(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const parsed = await readCommandLine(STATUS, argv);
  if (!parsed) return 0;
  const { json, pool } = parsed.values;
  const client = clientOf(parsed.values);
  const nobody = unread();
  const first = await look(client, pool);
  if (!parsed.values.watch) {
    await writeLines(onceAs(first, json));
    return 0;
  }
  await watchStatus({ first, again: () => look(client, pool), isJson: json, interrupted, nobody });
  return 0;
}

async function look(client: AdminClient, pool: string | undefined): Promise<Status> {
  const [health, pools, frontends, drains] = await Promise.all([
    client.read("/health"),
    client.read("/api/pools"),
    client.read("/api/frontends"),
    client.read("/api/drains"),
  ]);
  if (!(health && "healthy" in health)) throw new StartError(`What answers at ${client.name} is not Chorus`);
  const all = listIn<PoolView>(pools, "pools");
  const shown = pool === undefined ? all : all.filter(({ name }) => name === pool);
  if (pool !== undefined && shown.length === 0) {
    const names = all.map(({ name }) => name).join(", ");
    throw new UsageError(`--pool: there is no pool "${pool}"; there are ${names || "none"}`);
  }
  return {
    address: client.name,
    // Our own words for our own program: what it lacks is shown as missing.
    health: { role: "unknown", ...health } as HealthReport,
    pools: shown,
    frontends: listIn<FrontendView>(frontends, "frontends"),
    drains: listIn<DrainView>(drains, "drains"),
  };
}

/** A list of an answer; empty where the role has nothing of the kind. */
function listIn<T>(answer: object | undefined, key: string): readonly T[] {
  const found: unknown = Reflect.get(answer ?? {}, key);
  // Our own words for our own program, too.
  return Array.isArray(found) ? (found as readonly T[]) : [];
}

function onceAs(found: Status, isJson: boolean): string[] {
  if (isJson) return [jsonLine(found)];
  if (process.stdout.isTTY) return screenOf(found, process.stdout.columns || 80);
  return factsOf(found).map(({ line }) => line);
}
