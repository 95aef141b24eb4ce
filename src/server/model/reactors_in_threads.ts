import { startThread } from "../thread.ts";
import type { ModelOptions, ModelServer } from "./contract.ts";
import { REACTOR_WORKER } from "./employ.ts";
import { sharedPort } from "./reactors.ts";

/** One event loop a thread; the system spreads connections, since none can be moved between threads. */
export function reactorsInThreads(handler: string, options: ModelOptions): Promise<ModelServer> {
  return sharedPort(handler, options, async () => startThread(REACTOR_WORKER));
}
