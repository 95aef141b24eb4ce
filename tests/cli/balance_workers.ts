/**
 * A balancer with workers, and what it tells of its clients.
 *
 * @module
 */
import { formatAddress } from "../../src/net/mod.ts";
import { type Greeter, greeter, type Visitor } from "../balancer/frontend/frontends.ts";
import { type ShownBackend, shownBackends } from "./backends.ts";
import { getJson, type Program, type ProgramOptions, startProgram } from "./program.ts";

/** Starts a balancer before servers that are always thought to be up. */
export function balancerOf(
  servers: readonly Greeter[],
  flags: readonly string[],
  options: ProgramOptions = {},
): Program {
  const backends = servers.flatMap(({ address }) => ["--backend", formatAddress(address)]);
  const listen = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--grace", "300ms"];
  return startProgram(["balance", ...listen, ...backends, ...flags], options);
}

/** Servers that greet with `a`, `b` and so on. Disposing ends them. */
export async function greeters(
  count: number,
): Promise<{ readonly all: readonly Greeter[] } & AsyncDisposable> {
  const all = await Promise.all(
    Array.from({ length: count }, (_, index) => greeter(String.fromCharCode(97 + index))),
  );
  return {
    all,
    async [Symbol.asyncDispose]() {
      for (const one of all) await one[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when every backend has answered a heartbeat. */
export async function allUp(admin: string | undefined): Promise<boolean> {
  return Object.values(await shownBackends(admin)).every(({ state }) => state === "up");
}

/** What operators see of connections: the number at each backend, and the names of all. */
export async function shownConnections(admin: string | undefined): Promise<{
  readonly atBackends: number;
  readonly ids: readonly string[];
}> {
  const { connections } = (await getJson(admin, "/api/connections")) as { connections: { id: string }[] };
  const backends: readonly ShownBackend[] = Object.values(await shownBackends(admin));
  return {
    atBackends: backends.reduce((sum, one) => sum + one.connections, 0),
    ids: connections.map(({ id }) => id),
  };
}

/** One number of `/metrics`: the sum of all lines of that name whose labels hold `label`. */
export async function metric(admin: string | undefined, name: string, label: string = ""): Promise<number> {
  const text = await (await fetch(`http://${admin}/metrics`)).text();
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** How many clients each server has greeted, by what it says. */
export function countByName(guests: readonly { readonly name: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { name } of guests) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Whether a client's connection is over. */
export function isGone({ recorder }: Pick<Visitor, "recorder">): boolean {
  return recorder.events.includes("end") || recorder.events.includes("close");
}
