import { startThread } from "../thread.ts";
import { CONNECTION_WORKER, type ConnectionWorker } from "./attendants.ts";
import type { ModelOptions, ModelServer } from "./contract.ts";
import { threadLane } from "./lanes.ts";
import { perConnection } from "./per_connection.ts";

/** A worker thread for each connection, whose bytes change threads in buffers. */
export function threadPerConnection(handler: string, options: ModelOptions): Promise<ModelServer> {
  return perConnection(handler, options, start);
}

async function start(): Promise<ConnectionWorker> {
  const worker = startThread(CONNECTION_WORKER);
  return { worker, lane: threadLane(worker.channel) };
}
