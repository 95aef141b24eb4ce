import { spawnSync } from "node:child_process";
import { formatAddress } from "../../src/net/mod.ts";
import type { ChatServers } from "../chat/chat_servers.ts";
import type { RawClient } from "../helpers.ts";
import type { TestOptions } from "../testing.ts";
import { type Program, type ProgramOptions, startProgram, type Window } from "./program.ts";

const hasScript = spawnSync("script", ["--version"]).stdout?.includes("util-linux") === true;

/** For tests that need a terminal: skips them by name where none can be made. */
export const IN_TERMINAL: TestOptions = hasScript
  ? {}
  : { skip: "there is no `script` of util-linux to make a terminal" };

/** A window in which every line fits. */
export const WIDE: Window = { columns: 100, rows: 40 };
/** A window in which hardly a line fits. */
export const NARROW: Window = { columns: 20, rows: 40 };

/** A client before whom a person sits. */
export function terminalOf(cluster: ChatServers, ...flags: readonly string[]): Program {
  return clientIn({ env: { NO_COLOR: "1", TERM: "xterm" } }, cluster, flags);
}

/** A client of somebody who makes their account, in a terminal of a kind. */
export function personAt(cluster: ChatServers, name: string, options: ProgramOptions): Program {
  return clientIn(options, cluster, ["--name", name, "--password", "secret", "--register"]);
}

function clientIn(options: ProgramOptions, cluster: ChatServers, flags: readonly string[]): Program {
  return startProgram(["client", formatAddress(cluster.at(0)), ...flags], { hasTerminal: true, ...options });
}

/** Acknowledges by a device the first `count` messages, all of one sender, who is told: no other device gets them of itself. */
export async function acknowledged(device: RawClient, sender: RawClient, count: number): Promise<void> {
  await device.hasMessages(count);
  device.tell({ type: "ack", inbox: count });
  await sender.until("that they were delivered", () =>
    sender.frames.find(({ type, delivered }) => type === "receipt" && delivered === count),
  );
}
