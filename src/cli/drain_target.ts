import process from "node:process";
import type { DrainView, PoolView } from "../admin/mod.ts";
import { wait } from "../async/mod.ts";
import { type AdminClient, checkName } from "./admin_client.ts";
import { backendLine, drainLine, drainName, frontendLine } from "./backend_words.ts";
import { UsageError } from "./errors.ts";
import { writeLines } from "./output.ts";
import type { Interruption } from "./process.ts";

/** What a command drains, changes or removes. */
export type Target =
  | { readonly kind: "backend"; readonly pool: string; readonly name: string }
  | { readonly kind: "pool"; readonly name: string }
  | { readonly kind: "frontend"; readonly name: string }
  | { readonly kind: "server"; readonly name: string };

/** What was said of a target on the command line. */
export interface TargetWords {
  readonly backend: string | undefined;
  readonly pool: string | undefined;
  readonly frontend?: string | undefined;
  /** The role that is asked is meant. */
  readonly server?: boolean;
}

/** How often the progress of a drain is asked for, in milliseconds. */
const PROGRESS_MS = 500;

/**
 * Finds out what is meant: a backend of the named pool or of the only one that has it, else a frontend, the server itself, else a pool.
 *
 * @throws {UsageError} When nothing is, or two things at once, or the pool or the server is not there.
 */
export async function findTarget(client: AdminClient, words: TargetWords): Promise<Target> {
  const { backend, pool, frontend, server } = words;
  checkWords(words);
  if (frontend !== undefined) return { kind: "frontend", name: frontend };
  if (server) return { kind: "server", name: await client.serverName() };
  if (backend === undefined) return { kind: "pool", name: (await client.poolNamed(pool)).name };
  return { kind: "backend", pool: (await client.poolOf(backend, pool)).name, name: backend };
}

/** @throws {UsageError} When nothing is meant, or two things at once, or nothing can have that name. */
function checkWords(words: TargetWords): void {
  const { backend, pool, frontend, server = false } = words;
  const isInPool = backend !== undefined || pool !== undefined;
  const alone = [...(frontend === undefined ? [] : ["--frontend"]), ...(server ? ["--server"] : [])];
  if (alone.length > 1 || (alone.length > 0 && isInPool))
    throw new UsageError(`${alone[0]} stands alone: nothing else says what is meant`);
  if (backend !== undefined) checkName(backend, "backend");
  if (frontend !== undefined) checkName(frontend, "frontend");
  if (alone.length > 0 || isInPool) return;
  const choices = ["BACKEND", "--pool NAME", ...("frontend" in words ? ["--frontend NAME"] : [])];
  const last = "server" in words ? "--server" : choices.pop();
  throw new UsageError(`say what: ${choices.join(", ")} or ${last}`);
}

/** Where the admin API has it. */
export function pathOf(target: Target): string {
  const name = encodeURIComponent(target.name);
  switch (target.kind) {
    case "backend":
      return `/api/pools/${encodeURIComponent(target.pool)}/backends/${name}`;
    case "pool":
      return `/api/pools/${name}`;
    case "frontend":
      return `/api/frontends/${name}`;
    case "server":
      return "/api/server";
  }
}

/** Shows on standard output what a target is like now. */
export async function show(client: AdminClient, target: Target): Promise<void> {
  await writeLines([await lineOf(client, target)]);
}

async function lineOf(client: AdminClient, target: Target): Promise<string> {
  switch (target.kind) {
    case "backend": {
      const pool = await client.poolNamed(target.pool);
      const backend = pool.backends.find(({ name }) => name === target.name);
      return backend ? backendLine(pool.name, backend) : `${pool.name} ${target.name} removed`;
    }
    case "pool":
      return poolLine(await client.poolNamed(target.name));
    case "frontend": {
      const frontends = await client.frontends();
      const found = frontends.find(({ name }) => name === target.name);
      return found ? frontendLine(found) : `frontend ${target.name} closed`;
    }
    case "server": {
      const { draining, connections, sessions } = await client.health();
      const state = draining === true ? "draining" : "open";
      return `server ${target.name} ${state} connections=${connections} sessions=${sessions}`;
    }
  }
}

function poolLine({ name, draining, backends }: PoolView): string {
  const connections = backends.reduce((sum, backend) => sum + backend.connections, 0);
  return `pool ${name} ${draining ? "draining" : "open"} backends=${backends.length} connections=${connections}`;
}

/**
 * Follows a drain to its end: a line whenever fewer connections are left.
 *
 * @returns The exit code: 0 when it is over, 1 when it was called off, 130 when the user did not want to wait; the drain goes on then.
 * @throws {StartError} When the role cannot be asked any more.
 */
export async function followDrain(
  client: AdminClient,
  target: Target,
  interrupted: Interruption,
): Promise<number> {
  const stop = new AbortController();
  void interrupted.asked.then(() => stop.abort());
  let shown: string | undefined;
  while (!stop.signal.aborted) {
    const drain = (await client.drains()).find((one) => isAbout(one, target));
    if (!drain || drain.left === 0) return await told(target, !drain && (await isOpen(client, target)));
    const count = `${drainName(drain)} ${drain.left}`;
    if (count !== shown) await writeLines([drainLine(drain)]);
    shown = count;
    // An interruption ends the wait, and the loop ends by itself then.
    await wait(PROGRESS_MS, { signal: stop.signal }).catch(() => undefined);
  }
  process.stderr.write("the drain goes on\n");
  return 130;
}

/** Whether a target takes clients: its drain was called off, if it is under way no more. */
async function isOpen(client: AdminClient, target: Target): Promise<boolean> {
  switch (target.kind) {
    case "backend": {
      const pool = (await client.pools()).find(({ name }) => name === target.pool);
      const backend = pool?.backends.find(({ name }) => name === target.name);
      return backend !== undefined && (backend.admin ?? backend.state) !== "draining";
    }
    case "pool": {
      const pool = (await client.pools()).find(({ name }) => name === target.name);
      return pool?.draining === false;
    }
    case "frontend": {
      const frontend = (await client.frontends()).find(({ name }) => name === target.name);
      return frontend?.draining === false;
    }
    case "server":
      return (await client.health()).draining !== true;
  }
}

/** Says how a drain ended, and gives the exit code. */
async function told(target: Target, isCalledOff: boolean): Promise<number> {
  if (isCalledOff) process.stderr.write(`the drain of ${nameOf(target)} was called off\n`);
  else await writeLines([`drain ${nameOf(target)} done`]);
  return isCalledOff ? 1 : 0;
}

function isAbout(drain: DrainView, target: Target): boolean {
  const pool = target.kind === "backend" ? target.pool : undefined;
  return (
    drain.kind === target.kind && drain.name === target.name && (pool === undefined || drain.pool === pool)
  );
}

function nameOf(target: Target): string {
  return target.kind === "backend"
    ? `backend ${target.pool}/${target.name}`
    : `${target.kind} ${target.name}`;
}
