import { type Child, startChild } from "../child.ts";
import type { ModelOptions, ModelServer } from "./contract.ts";
import { REACTOR_WORKER } from "./employ.ts";
import { handedReactors } from "./handed_reactors.ts";
import { sharedPort } from "./reactors.ts";

/** One event loop a process; the system spreads connections, or this process hands them over in turn. */
export function reactorsInProcesses(handler: string, options: ModelOptions): Promise<ModelServer> {
  const start = (): Promise<Child> => startChild(REACTOR_WORKER, []);
  return options.spread === "hand-over"
    ? handedReactors(handler, options, start)
    : sharedPort(handler, options, start);
}
