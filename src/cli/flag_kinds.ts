import { parseDuration as readDuration } from "../async/mod.ts";
import { type Address, parseAddress } from "../net/mod.ts";
import { type Flag, Wrong } from "./flags.ts";

/** What a switch may be, for one that comes from the environment. */
const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

/** A flag that is set or not. */
export function switchFlag(help: string): Flag<boolean> & { readonly default: string } {
  return {
    help,
    default: "false",
    parse: (found) =>
      SWITCHES.get(found) ?? new Wrong(`"${found}" is not one of ${[...SWITCHES.keys()].join(", ")}`),
  };
}

/** Any text that is not empty. */
export function text(value: string, help: string): Flag<string> {
  return { value, help, parse: (found) => (found === "" ? new Wrong("must not be empty") : found) };
}

/** One of a few words. */
export function choice<const T extends string>(words: readonly T[], help: string): Flag<T> {
  return {
    value: words.join("|"),
    help,
    parse: (found) =>
      words.find((word) => word === found) ?? new Wrong(`"${found}" is not one of ${words.join(", ")}`),
  };
}

/** A whole number. */
export function whole(minimum: number, maximum: number, help: string): Flag<number> {
  return {
    value: "N",
    help,
    parse(found) {
      const number = Number(found);
      const isRight =
        found.trim() !== "" && Number.isInteger(number) && number >= minimum && number <= maximum;
      return isRight ? number : new Wrong(`"${found}" is not a whole number from ${minimum} to ${maximum}`);
    },
  };
}

/** A number above 0, or 0. */
export function weight(help: string): Flag<number> {
  return { value: "N", help, parse: parseWeight };
}

/** Reads a weight: 0 or more. */
export function parseWeight(found: string): number | Wrong {
  const number = Number(found);
  const isRight = found.trim() !== "" && Number.isFinite(number) && number >= 0 && number <= 1_000_000;
  return isRight ? number : new Wrong(`"${found}" is not a weight; write 0 to 1000000`);
}

/** Where to listen or connect. */
export function address(help: string): Flag<Address> {
  return { value: "HOST:PORT", help, parse: toAddress };
}

/** Where to listen, or `none`. */
export function addressOrNone(help: string): Flag<Address | "none"> {
  return { value: "HOST:PORT|none", help, parse: (found) => (found === "none" ? "none" : toAddress(found)) };
}

function toAddress(found: string): Address | Wrong {
  const parsed = parseAddress(found);
  return typeof parsed === "string" ? new Wrong(parsed) : parsed;
}

/** A time such as `500ms`, `5s`, `10m`, `1h`, in milliseconds. A bare number is refused: it has no unit. */
export function duration(help: string): Flag<number> {
  return { value: "TIME", help, parse: parseDuration };
}

/** A time that is not 0. */
export function positiveDuration(help: string): Flag<number> {
  return {
    ...duration(help),
    parse(found) {
      const ms = parseDuration(found);
      return ms === 0 ? new Wrong(`"${found}" is no time to wait; write 500ms, 5s, 10m or 1h`) : ms;
    },
  };
}

/** Reads a time, in milliseconds. */
export function parseDuration(found: string): number | Wrong {
  const ms = readDuration(found);
  return typeof ms === "string" ? new Wrong(ms) : ms;
}

/** Gives a flag the value it has unless told otherwise. */
export function withDefault<T>(flag: Flag<T>, value: string): Flag<T> & { readonly default: string } {
  return { ...flag, default: value };
}

/** Has a flag read from the command line alone: it says what one command is about, and is not to be set for others by the way. */
export function local<F extends Flag<unknown>>(flag: F): F & { readonly isLocal: true } {
  return { ...flag, isLocal: true };
}

/** Lets a flag be given several times. */
export function repeated<T>(flag: Flag<T>): Flag<T> & { readonly repeated: true } {
  return { ...flag, repeated: true };
}
