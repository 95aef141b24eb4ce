import type { TcpAddress } from "../net/mod.ts";
import { AdminClient, readTokenFile } from "./admin_client.ts";
import { UsageError } from "./errors.ts";
import { address, text, withDefault } from "./flag_kinds.ts";
import { describeFlags, type Flag, type Flags, type Parsed, parseFlags, Wrong } from "./flags.ts";
import { writeLines } from "./output.ts";
import { COMMON_FLAGS } from "./role_flags.ts";

type DefaultFlag<T> = Flag<T> & { readonly default: string };

/** The flags of every command that speaks to a running role. */
export const ADMIN_FLAGS: {
  readonly admin: DefaultFlag<TcpAddress>;
  readonly "token-file": Flag<string>;
  readonly help: DefaultFlag<boolean>;
} = {
  admin: withDefault(tcpAddress("where the role serves --admin"), "127.0.0.1:7090"),
  "token-file": text("FILE", "the file with the token that it asks for"),
  help: COMMON_FLAGS.help,
};

/** Which pool a command is about. */
export const poolFlag: Flag<string> = text("NAME", "which pool (the only one)");

/** Which pool the backend is of that a command is about. */
export const backendPoolFlag: Flag<string> = text("NAME", "which pool (the only one that has the backend)");

/** What a command says of itself. */
export interface Usage<F extends Flags> {
  readonly name: string;
  /** What stands after the name, such as `BACKEND N`. */
  readonly operands: string;
  /** How many of them there may be: at least, at most. */
  readonly counts: readonly [least: number, most: number];
  /** One or more sentences. */
  readonly summary: string;
  readonly flags: F;
}

/**
 * Reads the command line of such a command.
 *
 * @returns Undefined when it was `--help`, which is shown then.
 * @throws {UsageError} Also for too few or too many operands.
 */
export async function readCommandLine<F extends typeof ADMIN_FLAGS & Flags>(
  { name, operands, counts: [least, most], summary, flags }: Usage<F>,
  argv: readonly string[],
): Promise<Parsed<F> | undefined> {
  const parsed = parseFlags(name, flags, argv);
  if (parsed.values.help) {
    const usage = `chorus ${[name, operands, "[FLAGS]"].filter(Boolean).join(" ")}`;
    await writeLines([usage, "", summary, "", describeFlags(flags)]);
    return undefined;
  }
  const { length } = parsed.positionals;
  if (length >= least && length <= most) return parsed;
  const found = parsed.positionals.map((operand) => `"${operand}"`).join(" ");
  throw new UsageError(`chorus ${name} takes ${operands || "no argument"}, received ${found || "nothing"}`);
}

/** The client that the flags ask for. @throws {UsageError} */
export function clientOf(values: {
  readonly admin: TcpAddress;
  readonly "token-file": string | undefined;
}): AdminClient {
  const file = values["token-file"];
  return new AdminClient(values.admin, file === undefined ? undefined : readTokenFile(file));
}

function tcpAddress(help: string): Flag<TcpAddress> {
  const any = address(help);
  return {
    ...any,
    parse(found) {
      const parsed = any.parse(found);
      if (parsed instanceof Wrong || "host" in parsed) return parsed;
      return new Wrong(`"${found}" is not a TCP address; write HOST:PORT`);
    },
  };
}
