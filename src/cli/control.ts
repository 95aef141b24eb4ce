import { ADMIN_FLAGS, backendPoolFlag, clientOf, poolFlag, readCommandLine } from "./admin_flags.ts";
import { findTarget, followDrain, pathOf, show } from "./drain_target.ts";
import { UsageError } from "./errors.ts";
import { address, duration, local, parseWeight, switchFlag, text, weight, whole } from "./flag_kinds.ts";
import { Wrong } from "./flags.ts";
import type { Interruption } from "./process.ts";

const POOL_FLAGS = { pool: backendPoolFlag, ...ADMIN_FLAGS };

const DRAINING_FLAGS = {
  deadline: duration("after this what is left of the connections is closed (what the role drains by)"),
  wait: switchFlag("follow it to its end"),
  ...POOL_FLAGS,
};

const serverFlag = local(
  switchFlag("the chat server itself that serves --admin, instead of what is behind a balancer"),
);

const NEW_BACKEND_FLAGS = {
  weight: local(weight("its share of new clients compared with others (1)")),
  backup: local(switchFlag("serve only when no other can")),
  "max-connections": local(whole(1, 1_000_000_000, "the most connections at once")),
  pool: poolFlag,
  ...ADMIN_FLAGS,
};

const DRAIN = {
  name: "drain",
  operands: "[BACKEND]",
  counts: [0, 1],
  flags: {
    frontend: local(text("NAME", "drain this frontend: it stops listening")),
    server: serverFlag,
    ...DRAINING_FLAGS,
  },
  summary: `Lets a backend, or with --pool alone a whole pool, or a frontend, take no new clients. Its connections go on to their end;
what is left of them is closed, spread over the last part of the deadline. The clients of chat servers are told at once to go to
another one within the deadline, where the servers are those of \`chorus up\`. A server behind \`chorus balance\` is told by --server
and its own --admin; balancers hear of it by themselves.`,
} as const;

const UNDRAIN = {
  name: "undrain",
  operands: "[BACKEND]",
  counts: [0, 1],
  flags: { server: serverFlag, ...POOL_FLAGS },
  summary:
    "Lets a backend, or with --pool alone a whole pool, or with --server a chat server, take new clients again.",
} as const;

const WEIGHT = {
  name: "weight",
  operands: "BACKEND N",
  counts: [2, 2],
  flags: POOL_FLAGS,
  summary: "Changes a backend's share of new clients; with 0 it takes none. Its connections do not notice.",
} as const;

const ADD = {
  name: "add",
  operands: "HOST:PORT",
  counts: [1, 1],
  flags: NEW_BACKEND_FLAGS,
  summary:
    "Adds a backend to a running balancer. It takes clients once it has answered a heartbeat, before that only if nobody else can.",
} as const;

const REMOVE = {
  name: "remove",
  operands: "BACKEND",
  counts: [1, 1],
  flags: DRAINING_FLAGS,
  summary:
    "Takes a backend out: no new clients at once, and what is left of its connections is closed by the deadline.",
} as const;

/** `chorus drain`: gives the exit code. */
export async function drain(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const parsed = await readCommandLine(DRAIN, argv);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  const client = clientOf(values);
  const { pool, frontend, server, deadline } = values;
  const target = await findTarget(client, { backend: positionals[0], pool, frontend, server });
  await client.change("PATCH", pathOf(target), { state: "draining", deadlineMs: deadline });
  await show(client, target);
  return values.wait ? await followDrain(client, target, interrupted) : 0;
}

/** `chorus undrain`: gives the exit code. */
export async function undrain(argv: readonly string[]): Promise<number> {
  const parsed = await readCommandLine(UNDRAIN, argv);
  if (!parsed) return 0;
  const { pool, server } = parsed.values;
  const client = clientOf(parsed.values);
  const target = await findTarget(client, { backend: parsed.positionals[0], pool, server });
  await client.change("PATCH", pathOf(target), { state: "enabled" });
  await show(client, target);
  return 0;
}

/** `chorus weight`: gives the exit code. */
export async function setWeight(argv: readonly string[]): Promise<number> {
  const parsed = await readCommandLine(WEIGHT, argv);
  if (!parsed) return 0;
  const [backend, text = ""] = parsed.positionals;
  const share = parseWeight(text);
  if (share instanceof Wrong) throw new UsageError(share.reason);
  const client = clientOf(parsed.values);
  const target = await findTarget(client, { backend, pool: parsed.values.pool });
  await client.change("PATCH", pathOf(target), { weight: share });
  await show(client, target);
  return 0;
}

/** `chorus add`: gives the exit code. */
export async function add(argv: readonly string[]): Promise<number> {
  const parsed = await readCommandLine(ADD, argv);
  if (!parsed) return 0;
  const [where = ""] = parsed.positionals;
  const wrong = address("").parse(where);
  if (wrong instanceof Wrong) throw new UsageError(wrong.reason);
  const { pool: poolName, weight, backup, "max-connections": maxConnections } = parsed.values;
  const client = clientOf(parsed.values);
  const pool = await client.poolNamed(poolName);
  const body = { address: where, weight, backup: backup || undefined, maxConnections };
  await client.change("POST", `/api/pools/${encodeURIComponent(pool.name)}/backends`, body);
  await show(client, { kind: "backend", pool: pool.name, name: where });
  return 0;
}

/** `chorus remove`: gives the exit code. */
export async function remove(argv: readonly string[], interrupted: Interruption): Promise<number> {
  const parsed = await readCommandLine(REMOVE, argv);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  const client = clientOf(values);
  const target = await findTarget(client, { backend: positionals[0], pool: values.pool });
  const query = values.deadline === undefined ? "" : `?deadline=${values.deadline}ms`;
  await client.change("DELETE", pathOf(target) + query);
  await show(client, target);
  return values.wait ? await followDrain(client, target, interrupted) : 0;
}
