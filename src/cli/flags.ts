import process from "node:process";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./errors.ts";

/** One flag of a command. Its value is a text, checked by `parse` where it comes from, so that an error can name the place. */
export interface Flag<T> {
  /** What a value looks like, as `--help` shows it, such as `HOST:PORT`. Absent for a switch. */
  readonly value?: string;
  readonly help: string;
  /** The value unless told otherwise, as one would write it. Absent: the flag is not set. */
  readonly default?: string;
  /** Whether it has no environment variable. @default {false} */
  readonly isLocal?: boolean;
  /** @returns The value, or a sentence that says what was found and what is allowed. Throws nothing. */
  parse(text: string): T | Wrong;
}

/** A flag that may be given several times. */
export interface RepeatedFlag<T> extends Flag<T> {
  readonly repeated: true;
}

/** Why a text is no value. */
export class Wrong {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** The flags of a command by their names without `--`. */
export type Flags = Readonly<Record<string, Flag<unknown> | RepeatedFlag<unknown>>>;

/** What the flags of a command came to. */
export type Values<F extends Flags> = {
  readonly [K in keyof F]: F[K] extends RepeatedFlag<infer R>
    ? readonly R[]
    : F[K] extends Flag<infer T> & { readonly default: string }
      ? T
      : F[K] extends Flag<infer T>
        ? T | undefined
        : never;
};

/** What a command line came to. */
export interface Parsed<F extends Flags> {
  readonly values: Values<F>;
  readonly positionals: readonly string[];
  /** The flags that were not left at their defaults. */
  readonly given: ReadonlySet<string>;
}

/** The environment variable of a flag: `--log-level` is `CHORUS_LOG_LEVEL`. */
export function variableOf(name: string): string {
  return `CHORUS_${name.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * Reads a command's flags: from the command line, else from the environment (repeated ones separated by spaces), else their defaults.
 *
 * @throws {UsageError} Naming the flag or the variable, what was found and what is allowed.
 */
export function parseFlags<F extends Flags>(command: string, flags: F, argv: readonly string[]): Parsed<F> {
  const { values, positionals } = readArguments(command, flags, argv);
  const given = new Set<string>();
  const parsed: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const { texts, place } = textsOf(name, flag, values[name]);
    if (place !== "default") given.add(name);
    const results = texts.map((text) => parseOne(flag, text, place));
    parsed[name] = "repeated" in flag ? results : results[0];
  }
  return { values: parsed as Values<F>, positionals, given };
}

type Argument = string | boolean | (string | boolean)[] | undefined;

function readArguments(
  command: string,
  flags: Flags,
  argv: readonly string[],
): { values: Record<string, Argument>; positionals: string[] } {
  const options: NonNullable<ParseArgsConfig["options"]> = {};
  for (const [name, flag] of Object.entries(flags)) {
    options[name] = {
      type: flag.value === undefined ? "boolean" : "string",
      multiple: "repeated" in flag,
      ...(name === "help" && { short: "h" }),
    };
  }
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    // What follows suggests how it might have been meant.
    const [sentence] = String(error instanceof Error ? error.message : error).split(/\.\s/);
    throw new UsageError(`${sentence}; chorus ${command} --help lists the flags`, { cause: error });
  }
}

function textsOf(
  name: string,
  flag: Flag<unknown>,
  argument: Argument,
): { texts: readonly string[]; place: string } {
  if (argument !== undefined) return { texts: [argument].flat().map(String), place: `--${name}` };
  const variable = variableOf(name);
  const text = flag.isLocal ? undefined : process.env[variable];
  if (text !== undefined && text !== "") {
    return { texts: "repeated" in flag ? text.split(/\s+/).filter(Boolean) : [text], place: variable };
  }
  return { texts: flag.default === undefined ? [] : [flag.default], place: "default" };
}

function parseOne(flag: Flag<unknown>, text: string, place: string): unknown {
  const value = flag.parse(text);
  if (value instanceof Wrong) throw new UsageError(`${place}: ${value.reason}`);
  return value;
}

/** The lines of `--help` that list the flags. */
export function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, flag]) => {
    const left = flag.value === undefined ? `--${name}` : `--${name} ${flag.value}`;
    const notes = [
      "repeated" in flag ? "repeatable" : "",
      flag.default === undefined || flag.value === undefined ? "" : `default ${flag.default}`,
    ].filter(Boolean);
    return { left, right: notes.length > 0 ? `${flag.help} (${notes.join(", ")})` : flag.help };
  });
  const width = Math.max(...rows.map(({ left }) => left.length)) + 2;
  return rows.map(({ left, right }) => `  ${left.padEnd(width)}${right}`).join("\n");
}
