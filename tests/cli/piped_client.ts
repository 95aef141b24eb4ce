import { formatAddress } from "../../src/net/mod.ts";
import type { ChatServers } from "../chat/chat_servers.ts";
import { type Program, startProgram } from "./program.ts";

/** What a piped client needs: a password, and no colors. */
export const PIPED_ENV = { CHORUS_PASSWORD: "secret", NO_COLOR: "1" } as const;

/** A client that makes its account on the first server; it reads what the test types. */
export function clientOf(
  cluster: ChatServers,
  name: string,
  more: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Program {
  const where = formatAddress(cluster.at(0));
  return startProgram(["client", where, "--name", name, "--register", ...more], {
    env: { ...PIPED_ENV, ...env },
  });
}

/** What stands after the time in each line of a program's output. */
export function linesOf({ stdout }: Program): string[] {
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => line.replace(/^\d\d:\d\d /, ""));
}
