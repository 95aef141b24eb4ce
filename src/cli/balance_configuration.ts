import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  type BalancerConfiguration,
  type ConfigurationProblem,
  formatPath,
  formatProblem,
  parseConfiguration,
} from "../balancer/mod.ts";
import type { BalanceRequest, Said } from "./balance_flags.ts";
import { UsageError } from "./errors.ts";

/** A JSON object of which nothing is known yet. */
type Draft = Record<string, unknown>;

/** Where the flags of a command without a file are thought to be written: paths in them are relative to the working folder. */
const NO_FILE = "flags.json";

/**
 * The configuration that the file and the flags come to, the flags first.
 *
 * @throws {UsageError} With every mistake, each with its flag or its place in the file.
 */
export function readConfiguration(request: BalanceRequest): BalancerConfiguration {
  const file = resolve(request.file ?? NO_FILE);
  const text = request.file === undefined ? "{}" : read(file);
  const draft = parseDraft(text);
  const said =
    draft && toPlaces(request.file === undefined ? withDefaults(request.said) : request.said, draft, file);
  // What no flag changes is read as it is written, so that mistakes have a line and a column.
  const result = parseConfiguration(draft && said && said.length > 0 ? merge(draft, said) : text, file);
  if (!("length" in result)) return result;
  throw new UsageError(describe(result, said ?? [], request.file === undefined ? undefined : file));
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new UsageError(`--config: cannot read ${file}`, { cause });
  }
}

/** What a balancer without a file does unless told otherwise. */
function withDefaults(said: readonly Said[]): Said[] {
  const has = (flag: string): boolean => said.some((one) => one.flag === flag);
  if (!(has("backend") || has("redis")))
    throw new UsageError(
      "say where clients go: by --backend HOST:PORT, once for each server, by --redis URL, or by --config FILE",
    );
  if (has("pool") && !has("redis")) throw new UsageError("--pool: give the --redis that names its servers");
  if (has("redis") && has("backend") && !has("pool") && !has("advertise"))
    throw new UsageError("give --redis or --backend; both only with --pool or --advertise");
  const defaults: Said[] = [
    { flag: "listen", path: ["F", "listen"], value: "127.0.0.1:7000" },
    { flag: "state", path: ["state"], value: "none" },
  ];
  if (!has("backend")) {
    defaults.push({ flag: "pool", path: ["P", "registry"], value: "chat" });
    defaults.push({ flag: "heartbeat", path: ["P", "heartbeat", "kind"], value: "chat" });
  }
  if (has("udp")) defaults.push({ flag: "heartbeat", path: ["P", "heartbeat", "kind"], value: "none" });
  if (has("advertise"))
    defaults.push({ flag: "advertise-pool", path: ["advertise", "pool"], value: "balancers" });
  return [...defaults.filter(({ flag }) => !has(flag)), ...said];
}

/** Gives every flag its place: that of the one frontend and the one pool that there are, or that flags make. */
function toPlaces(said: readonly Said[], draft: Draft, file: string): Said[] {
  const names = { F: onlyName(draft, "frontends") ?? "main", P: onlyName(draft, "pools") ?? poolName(said) };
  const groups = { F: "frontends", P: "pools" };
  return said.map(({ flag, path, value }) => {
    const [first = "", ...rest] = path;
    if (first !== "F" && first !== "P") return { flag, path, value };
    if (names[first] === "")
      throw new UsageError(`--${flag}: ${file} has several ${groups[first]}; say it there`);
    return { flag, path: [groups[first], names[first], ...rest], value };
  });
}

/** The name of the one frontend or pool; undefined when there is none, empty when there are several. */
function onlyName(draft: Draft, group: string): string | undefined {
  const names = Object.keys((draft[group] as Draft | undefined) ?? {});
  return names.length > 1 ? "" : names[0];
}

/** Backends of flags are the pool `default`; those of the registry the pool of their name there. */
function poolName(said: readonly Said[]): string {
  const registry = said.find(({ flag }) => flag === "pool")?.value;
  return typeof registry === "string" ? registry : "default";
}

/** The text of the file after the flags were written into it. */
function merge(draft: Draft, said: readonly Said[]): string {
  for (const { path, value } of said) write(draft, path, value);
  const pool = Object.keys((draft.pools as Draft | undefined) ?? {})[0];
  for (const frontend of Object.values((draft.frontends as Draft | undefined) ?? {})) {
    const one = frontend as Draft;
    // A frontend that only flags speak of is in front of the one pool.
    one.pool ??= pool;
    const tls = one.tls as Draft | undefined;
    // Flags name one certificate; the file has a list.
    if (tls?.certificates && !Array.isArray(tls.certificates)) tls.certificates = [tls.certificates];
  }
  return JSON.stringify(draft);
}

function parseDraft(text: string): Draft | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Draft)
      : undefined;
  } catch {
    // The parser of configurations says better what is wrong.
    return undefined;
  }
}

function write(draft: Draft, path: readonly string[], value: unknown): void {
  let place = draft;
  for (const key of path.slice(0, -1)) {
    place[key] ??= {};
    place = place[key] as Draft;
  }
  place[path.at(-1) ?? ""] = value;
}

/** Every mistake in a line, with the flag that made it where one did. */
function describe(
  problems: readonly ConfigurationProblem[],
  said: readonly Said[],
  file: string | undefined,
): string {
  const lines = problems.map((problem) => {
    const flag =
      said.find(({ path }) => problem.path.startsWith(formatPath(path))) ??
      // A mistake of a whole group is that of who made the group.
      (file === undefined ? said.find(({ path }) => formatPath(path).startsWith(problem.path)) : undefined);
    if (flag) return `--${flag.flag}: ${problem.message}`;
    return file === undefined ? `${problem.path}: ${problem.message}` : formatProblem(problem, file);
  });
  return lines.join("\n");
}
