import type { BackendView, DrainView, FrontendView } from "../admin/mod.ts";
import { printable } from "./client_screen.ts";

/**
 * A backend in one line of words for programs and logs: `chat 10.0.0.7:6000 up missed=0 weight=1 connections=4 …`.
 *
 * Its fields never change their order; new ones come at the end.
 */
export function backendLine(pool: string, backend: BackendView): string {
  return [
    ...backendFacts(pool, backend),
    `connections=${backend.connections}`,
    `total=${backend.total}`,
    `source=${printable(backend.source)}`,
    ...(backend.backup ? ["backup"] : []),
    ...(backend.maxConnections === undefined ? [] : [`max=${backend.maxConnections}`]),
    ...(backend.lastError === undefined ? [] : [`error=${JSON.stringify(printable(backend.lastError))}`]),
  ].join(" ");
}

/** What a line of `--watch` waits for: how a backend is and is meant to be, not what it has served. */
export function backendFacts(pool: string, { name, state, missed, weight }: BackendView): string[] {
  return [printable(pool), printable(name), state, `missed=${missed}`, `weight=${weight}`];
}

/** A frontend in one line. */
export function frontendLine(frontend: FrontendView): string {
  const refused = Object.values(frontend.refused).reduce((sum, count) => sum + count, 0);
  return [
    `frontend ${printable(frontend.name)} ${printable(frontend.address)} ${frontend.draining ? "draining" : "open"}`,
    `pool=${printable(frontend.pool)} connections=${frontend.connections}`,
    `total=${frontend.total} refused=${refused}`,
  ].join(" ");
}

/** What drains, as people say it: `backend chat/10.0.0.7:6000`. */
export function drainName({ kind, pool, name }: DrainView): string {
  return printable(`${kind} ${pool === undefined ? name : `${pool}/${name}`}`);
}

/** A drain in one line. */
export function drainLine(drain: DrainView): string {
  const seconds = Math.ceil(drain.remainingMs / 1000);
  return `drain ${drainName(drain)} left=${drain.left} total=${drain.total} remaining=${seconds}s`;
}

/** A time in one unit: `850ms`, `12s`, `3m`, `5h`, `2d`. */
export function timeWords(ms: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "m"],
    [1000, "s"],
  ];
  const [size, unit] = units.find(([least]) => ms >= least) ?? [1, "ms"];
  return `${Math.floor(ms / size)}${unit}`;
}

/** A number of bytes in few characters: `512`, `1.2k`, `34M`. */
export function byteWords(bytes: number): string {
  const units = ["", "k", "M", "G", "T", "P"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const scaled = bytes / 1000 ** power;
  return `${power > 0 && scaled < 10 ? scaled.toFixed(1) : Math.floor(scaled)}${units[power]}`;
}
