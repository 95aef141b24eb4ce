import process from "node:process";
import type { SessionView } from "../admin/mod.ts";
import { type AdminClient, checkName } from "./admin_client.ts";
import { ADMIN_FLAGS, clientOf, readCommandLine } from "./admin_flags.ts";
import { byteWords, timeWords } from "./backend_words.ts";
import { printable } from "./client_screen.ts";
import { StartError, UsageError } from "./errors.ts";
import { local, switchFlag, text, whole, withDefault } from "./flag_kinds.ts";
import { unread, writeLines } from "./output.ts";
import { type Column, table } from "./table.ts";

const SESSIONS = {
  name: "sessions",
  operands: "",
  counts: [0, 0],
  flags: {
    user: local(text("NAME", "those of this user")),
    limit: local(withDefault(whole(1, 5000, "at most so many"), "100")),
    json: switchFlag("one JSON object a line, one line a session"),
    ...ADMIN_FLAGS,
  },
  summary: "Lists who is logged in on a running chat server, or on those of a running `chorus up`.",
} as const;

const KICK = {
  name: "kick",
  operands: "[SESSION]",
  counts: [0, 1],
  flags: {
    user: local(text("NAME", "all sessions of this user, on every server of the cluster")),
    revoke: local(switchFlag("with --user: to come back they need the password")),
    ...ADMIN_FLAGS,
  },
  summary:
    "Closes a session, as `chorus sessions` names it, or those of a user. Their clients may log in again.",
} as const;

const ANNOUNCE = {
  name: "announce",
  operands: "TEXT",
  counts: [1, 1000],
  flags: ADMIN_FLAGS,
  summary:
    "Tells everybody who is logged in on any server of the cluster. It is not kept: who is away misses it.",
} as const;

const COLUMNS: readonly Column<SessionView>[] = [
  { title: "ID", rank: 0, cell: ({ id }) => printable(id) },
  { title: "USER", rank: 0, cell: ({ user }) => printable(user) },
  { title: "DEVICE", rank: 3, cell: ({ device }) => printable(device) },
  { title: "CLIENT", rank: 2, cell: ({ client }) => printable(client) },
  { title: "AGE", rank: 1, isNumber: true, cell: ({ ageMs }) => timeWords(ageMs) },
  { title: "IDLE", rank: 4, isNumber: true, cell: ({ idleMs }) => timeWords(idleMs) },
  { title: "QUEUED", rank: 5, isNumber: true, cell: ({ queuedBytes }) => byteWords(queuedBytes) },
  { title: "SENT", rank: 6, isNumber: true, cell: ({ sentBytes }) => byteWords(sentBytes) },
];

/** `chorus sessions`: gives the exit code. */
export async function sessions(argv: readonly string[]): Promise<number> {
  const parsed = await readCommandLine(SESSIONS, argv);
  if (!parsed) return 0;
  const { user, limit, json } = parsed.values;
  const client = clientOf(parsed.values);
  const { listed, more } = await readSessions(client, { ...(user !== undefined && { user }), limit });
  const lines = json ? listed.map((one) => JSON.stringify(one)) : linesOf(listed);
  unread();
  await writeLines(lines);
  if (more) process.stderr.write(`there are more than ${listed.length}; --limit shows more of them\n`);
  return 0;
}

/** @throws {StartError} Also when it is no chat server. */
async function readSessions(
  client: AdminClient,
  { user, limit }: { readonly user?: string; readonly limit: number },
): Promise<{ readonly listed: readonly SessionView[]; readonly more: boolean }> {
  const query = new URLSearchParams({ ...(user !== undefined && { user }), limit: String(limit) });
  const found = await client.read(`/api/sessions?${query}`);
  if (!(found && "sessions" in found && Array.isArray(found.sessions)))
    throw new StartError(`What runs at ${client.name} does not list sessions: it is no chat server`);
  // Our own words for our own program.
  const listed = found.sessions as readonly SessionView[];
  return { listed, more: "more" in found && found.more === true };
}

/** Else it would be told of a path that is not there. @throws {StartError} */
async function checkChat(client: AdminClient): Promise<void> {
  await readSessions(client, { limit: 1 });
}

function linesOf(listed: readonly SessionView[]): string[] {
  if (process.stdout.isTTY) {
    return listed.length === 0 ? ["no sessions"] : table(listed, COLUMNS, process.stdout.columns || 80);
  }
  return listed.map((one) =>
    [
      `${printable(one.id)} ${printable(one.user)} device=${printable(JSON.stringify(one.device))}`,
      `client=${printable(one.client)} age=${timeWords(one.ageMs)} idle=${timeWords(one.idleMs)}`,
      `queued=${one.queuedBytes} sent=${one.sentBytes}`,
    ].join(" "),
  );
}

/** `chorus kick`: gives the exit code. */
export async function kick(argv: readonly string[]): Promise<number> {
  const parsed = await readCommandLine(KICK, argv);
  if (!parsed) return 0;
  const [session] = parsed.positionals;
  const { user, revoke } = parsed.values;
  if ((session === undefined) === (user === undefined))
    throw new UsageError("say whom: SESSION, as `chorus sessions` names it, or --user NAME");
  if (session !== undefined) checkName(session, "session");
  if (revoke && user === undefined) throw new UsageError("--revoke goes with --user NAME");
  const client = clientOf(parsed.values);
  await checkChat(client);
  if (session !== undefined) await client.change("DELETE", `/api/sessions/${encodeURIComponent(session)}`);
  else if (user !== undefined) {
    const query = new URLSearchParams({ user, ...(revoke && { revoke: "true" }) });
    await client.change("DELETE", `/api/sessions?${query}`);
  }
  await writeLines([session === undefined ? `closed the sessions of ${user}` : `closed ${session}`]);
  return 0;
}

/** `chorus announce`: gives the exit code. */
export async function announce(argv: readonly string[]): Promise<number> {
  const parsed = await readCommandLine(ANNOUNCE, argv);
  if (!parsed) return 0;
  const client = clientOf(parsed.values);
  await checkChat(client);
  await client.change("POST", "/api/announce", { text: parsed.positionals.join(" ") });
  await writeLines(["announced"]);
  return 0;
}
