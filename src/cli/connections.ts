import process from "node:process";
import type { ConnectionView } from "../admin/mod.ts";
import type { AdminClient } from "./admin_client.ts";
import { ADMIN_FLAGS, clientOf, readCommandLine } from "./admin_flags.ts";
import { byteWords, timeWords } from "./backend_words.ts";
import { printable } from "./client_screen.ts";
import { StartError, UsageError } from "./errors.ts";
import { duration, local, switchFlag, text, whole, withDefault } from "./flag_kinds.ts";
import { unread, writeLines } from "./output.ts";
import { type Column, table } from "./table.ts";

const CONNECTIONS = {
  name: "connections",
  operands: "",
  counts: [0, 0],
  flags: {
    backend: text("NAME", "those of this backend"),
    pool: text("NAME", "those of this pool"),
    frontend: text("NAME", "those of this frontend"),
    "min-age": duration("those that are at least as old"),
    "min-idle": duration("those where nothing has moved for as long"),
    limit: local(withDefault(whole(1, 100_000, "at most so many"), "100")),
    json: switchFlag("one JSON object a line, one line a connection"),
    ...ADMIN_FLAGS,
  },
  summary: "Lists the clients that a running balancer serves.",
} as const;

const COLUMNS: readonly Column<ConnectionView>[] = [
  { title: "ID", rank: 0, cell: ({ id }) => printable(id) },
  { title: "CLIENT", rank: 0, cell: ({ client }) => printable(client) },
  { title: "BACKEND", rank: 0, cell: ({ backend }) => printable(backend) },
  { title: "POOL", rank: 5, cell: ({ pool }) => printable(pool) },
  { title: "FRONTEND", rank: 6, cell: ({ frontend }) => printable(frontend) },
  { title: "TRANSPORT", rank: 4, cell: ({ transport }) => printable(transport) },
  { title: "AGE", rank: 1, isNumber: true, cell: ({ ageMs }) => timeWords(ageMs) },
  { title: "IDLE", rank: 2, isNumber: true, cell: ({ idleMs }) => timeWords(idleMs) },
  { title: "IN", rank: 3, isNumber: true, cell: ({ bytesIn }) => byteWords(bytesIn) },
  { title: "OUT", rank: 3, isNumber: true, cell: ({ bytesOut }) => byteWords(bytesOut) },
];

/** `chorus connections`: gives the exit code. */
export async function connections(argv: readonly string[]): Promise<number> {
  const parsed = await readCommandLine(CONNECTIONS, argv);
  if (!parsed) return 0;
  const { values } = parsed;
  const client = clientOf(values);
  const found = await client.read(`/api/connections?${queryOf(values)}`);
  if (!(found && "connections" in found && Array.isArray(found.connections)))
    throw new StartError(`What runs at ${client.name} does not list connections`);
  // Our own words for our own program.
  const listed = found.connections as readonly ConnectionView[];
  // Whoever has gone may still have connections.
  if (listed.length === 0) await checkNames(client, values);
  const lines = values.json ? listed.map((one) => JSON.stringify(one)) : linesOf(listed);
  unread();
  await writeLines(lines);
  if ("more" in found && found.more === true)
    process.stderr.write(`there are more than ${listed.length}; --limit shows more of them\n`);
  return 0;
}

/** Names of one kind that are listed in a sentence. */
const MAX_NAMES = 20;

/** @throws {UsageError} For a name that there is not, with those that there are. */
async function checkNames(
  client: AdminClient,
  {
    backend,
    pool,
    frontend,
  }: { backend: string | undefined; pool: string | undefined; frontend: string | undefined },
): Promise<void> {
  if (pool !== undefined) await client.poolNamed(pool);
  if (backend !== undefined) {
    const pools = (await client.pools()).filter(({ name }) => pool === undefined || name === pool);
    checkName(
      "backend",
      backend,
      pools.flatMap(({ backends }) => backends),
    );
  }
  if (frontend !== undefined) checkName("frontend", frontend, await client.frontends());
}

function checkName(kind: string, wanted: string, found: readonly { readonly name: string }[]): void {
  const names = [...new Set(found.map(({ name }) => printable(name)))];
  if (found.some(({ name }) => name === wanted)) return;
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  const known = names.length === 0 ? "none" : `${names.slice(0, MAX_NAMES).join(", ")}${more}`;
  throw new UsageError(`--${kind}: there is no ${kind} "${wanted}"; there are ${known}`);
}

function queryOf(values: {
  readonly backend: string | undefined;
  readonly pool: string | undefined;
  readonly frontend: string | undefined;
  readonly "min-age": number | undefined;
  readonly "min-idle": number | undefined;
  readonly limit: number;
}): URLSearchParams {
  const { backend, pool, frontend, "min-age": minAgeMs, "min-idle": minIdleMs, limit } = values;
  const asked = {
    backend,
    pool,
    frontend,
    minAge: minAgeMs === undefined ? undefined : `${minAgeMs}ms`,
    minIdle: minIdleMs === undefined ? undefined : `${minIdleMs}ms`,
    limit: String(limit),
  };
  return new URLSearchParams(
    Object.entries(asked).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

function linesOf(listed: readonly ConnectionView[]): string[] {
  if (process.stdout.isTTY) {
    return listed.length === 0 ? ["no connections"] : table(listed, COLUMNS, process.stdout.columns || 80);
  }
  return listed.map((one) =>
    [
      `${printable(one.id)} ${printable(one.client)} ${printable(one.backend)} pool=${printable(one.pool)}`,
      `frontend=${printable(one.frontend)} transport=${printable(one.transport)} age=${timeWords(one.ageMs)}`,
      `idle=${timeWords(one.idleMs)} in=${one.bytesIn} out=${one.bytesOut}`,
    ].join(" "),
  );
}
