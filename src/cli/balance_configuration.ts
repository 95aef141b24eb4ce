import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  type BalancerConfiguration,
  ConfigurationError,
  type ConfigurationProblem,
  formatPath,
  formatProblem,
  type Path,
  parseAmended,
  parseConfiguration,
} from "../balancer/mod.ts";
import type { BalanceRequest, Said } from "./balance_flags.ts";
import { UsageError } from "./errors.ts";

/** A JSON object of which nothing is known yet. */
type Draft = Readonly<Record<string, unknown>>;

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
  const said = request.file === undefined ? withDefaults(request.said) : request.said;
  let placed: readonly Said[] = [];
  const amend = (value: unknown): unknown => {
    placed = toPlaces(said, { frontends: namesIn(value, "frontends"), pools: namesIn(value, "pools") }, file);
    return merge(value, placed);
  };
  const result = said.length > 0 ? parseAmended(text, file, amend) : parseConfiguration(text, file);
  if (!("length" in result)) return result;
  throw new UsageError(describe(result, placed, request.file === undefined ? undefined : file));
}

/**
 * Says of a mistake in a file that a configuration names which flag named it, if one did.
 *
 * @throws {UsageError} For such a mistake. Any other error is thrown as it is.
 */
export function failedBy(
  { said, file }: BalanceRequest,
  configuration: BalancerConfiguration,
  error: unknown,
): never {
  if (!(error instanceof ConfigurationError)) throw error;
  const names = { frontends: [...configuration.frontends.keys()], pools: [...configuration.pools.keys()] };
  const placed = toPlaces(said, names, configuration.file);
  // Without it as the cause, since that would say everything twice.
  throw new UsageError(describe(error.problems, placed, file === undefined ? undefined : configuration.file));
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    throw new UsageError(`--config: cannot read ${file}: ${code}`, { cause });
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
  checkCompanions(said);
  const defaults: Said[] = [
    { flag: "listen", path: ["F", "listen"], value: "127.0.0.1:7000" },
    { flag: "state", path: ["state"], value: "none" },
  ];
  if (!has("backend")) {
    defaults.push({ flag: "pool", path: ["P", "registry"], value: "chat" });
    // HTTP servers answer no ping; without a word here it is as in a file.
    const isWeb = said.some(({ flag, value }) => flag === "pool" && value === "web");
    if (!isWeb) defaults.push({ flag: "heartbeat", path: ["P", "heartbeat", "kind"], value: "chat" });
  }
  if (has("udp")) defaults.push({ flag: "heartbeat", path: ["P", "heartbeat", "kind"], value: "none" });
  if (has("advertise"))
    defaults.push({ flag: "advertise-pool", path: ["advertise", "pool"], value: "balancers" });
  return [...defaults.filter(({ flag }) => !has(flag)), ...said];
}

/** Where there is no file, a flag that needs another one says so by the name of that flag, not of its key. */
function checkCompanions(said: readonly Said[]): void {
  const has = (flag: string): boolean => said.some((one) => one.flag === flag);
  if (has("advertise-pool") && !has("advertise"))
    throw new UsageError("--advertise-pool: give --advertise with it");
  if (has("advertise") && !has("redis"))
    throw new UsageError("--advertise: give the --redis in which to announce it");
  if (said.some(({ flag, value }) => flag === "policy" && value === "key-hash") && !has("key"))
    throw new UsageError("--policy: key-hash needs to know what to look for; give --key, such as --key sni");
}

/** The names of all frontends and pools. */
interface Names {
  readonly frontends: readonly string[];
  readonly pools: readonly string[];
}

function namesIn(value: unknown, group: string): readonly string[] {
  const found = isDraft(value) ? value[group] : undefined;
  return isDraft(found) ? Object.keys(found) : [];
}

/** Gives every flag its place: that of the one frontend and the one pool that there are, or that flags make. */
function toPlaces(said: readonly Said[], { frontends, pools }: Names, file: string): Said[] {
  const groups = {
    F: { group: "frontends", names: frontends, made: "main" },
    P: { group: "pools", names: pools, made: poolName(said) },
  };
  return said.map(({ flag, path, value }) => {
    const [first, ...rest] = path;
    if (first !== "F" && first !== "P") return { flag, path, value };
    const { group, names, made } = groups[first];
    if (names.length > 1) throw new UsageError(`--${flag}: ${file} has several ${group}; say it there`);
    return { flag, path: [group, names[0] ?? made, ...rest], value };
  });
}

/** Backends of flags are the pool `default`; those of the registry the pool of their name there. */
function poolName(said: readonly Said[]): string {
  const registry = said.find(({ flag }) => flag === "pool")?.value;
  return typeof registry === "string" ? registry : "default";
}

/** What the file holds after the flags were written into it. */
function merge(written: unknown, said: readonly Said[]): unknown {
  const merged = said.reduce((whole, { path, value }) => changed(whole, path, () => value), written);
  const [pool, ...others] = namesIn(merged, "pools");
  if (pool === undefined || others.length > 0) return merged;
  // A frontend that only flags speak of is in front of the one pool, as one of the file is in front of a pool of flags.
  const complete = namesIn(written, "pools").includes(pool) ? namesIn(written, "frontends") : [];
  return namesIn(merged, "frontends")
    .filter((name) => !complete.includes(name))
    .reduce((whole, name) => changed(whole, ["frontends", name, "pool"], (found = pool) => found), merged);
}

/**
 * A copy in which the value of a path is another one. What is on the way is made where it is absent; what is of another kind stays as it
 * is, so that it is told. A list is left with the one value that the path leads to.
 */
function changed(value: unknown, path: Path, change: (found: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return change(value);
  if (typeof key === "number") {
    const list = value === undefined ? [] : value;
    return Array.isArray(list) ? [changed(list[key], rest, change)] : list;
  }
  const place = value === undefined ? {} : value;
  if (!isDraft(place)) return place;
  return { ...place, [key]: changed(Object.hasOwn(place, key) ? place[key] : undefined, rest, change) };
}

function isDraft(value: unknown): value is Draft {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every mistake in a line, with the flag that made it where one did. */
function describe(
  problems: readonly ConfigurationProblem[],
  said: readonly Said[],
  file: string | undefined,
): string {
  const lines = problems.map((problem) => {
    const { path, message, line } = problem;
    const flag =
      said.find((one) => isWithin(path, formatPath(one.path))) ??
      // A mistake of a whole group is that of who made the group, which then has no place in the file.
      (line === undefined ? said.find((one) => isWithin(formatPath(one.path), path)) : undefined);
    if (flag) return `--${flag.flag}: ${message}`;
    return file === undefined ? `${path}: ${message}` : formatProblem(problem, file);
  });
  return lines.join("\n");
}

/** Whether a path is another one or leads on from it. */
function isWithin(path: string, other: string): boolean {
  return path === other || [".", "["].some((next) => path.startsWith(other + next));
}
