import { startPipedChild } from "../child.ts";
import { CONNECTION_WORKER, type ConnectionWorker } from "./attendants.ts";
import type { ModelOptions, ModelServer } from "./contract.ts";
import { pipeLane } from "./lanes.ts";
import { perConnection } from "./per_connection.ts";

/** A child process for each connection, whose bytes go over its standard input and output. */
export function processPerConnection(handler: string, options: ModelOptions): Promise<ModelServer> {
  return perConnection(handler, options, start);
}

async function start(): Promise<ConnectionWorker> {
  const worker = await startPipedChild(CONNECTION_WORKER);
  return { worker, lane: pipeLane(worker.channel, worker.stdout, worker.stdin) };
}
