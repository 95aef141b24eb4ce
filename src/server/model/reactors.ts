import { availableParallelism } from "node:os";
import { type Listener, type ListenOptions, systemDriver, type TcpAddress } from "../../net/mod.ts";
import type { Worker } from "../worker.ts";
import type { ModelOptions, ModelServer } from "./contract.ts";
import { Crew } from "./crew.ts";
import { employ, tellHang } from "./employ.ts";
import { NOBODY } from "./reactor.ts";
import { running, wholeNumber } from "./running.ts";

/** Connections at once unless told otherwise. */
const MAX_CONNECTIONS = 10_000;

/** How many reactors a server has, and how many connections at once. @throws {RangeError} */
export function sizesOf({
  workers = availableParallelism(),
  maxConnections = MAX_CONNECTIONS,
}: ModelOptions): {
  readonly workers: number;
  readonly maxConnections: number;
} {
  return {
    workers: wholeNumber("workers", workers),
    maxConnections: wholeNumber("maxConnections", maxConnections),
  };
}

/** Reactors that share one port, over which the system spreads connections by their addresses. */
export async function sharedPort(
  handler: string,
  options: ModelOptions,
  start: () => Promise<Worker>,
): Promise<ModelServer> {
  const { listen } = options;
  const { workers, maxConnections } = sizesOf(options);
  if (listen.port !== 0) await findFree(listen);
  const places = Math.max(1, Math.floor(maxConnections / workers));
  const crew = new Crew({
    model: options,
    start,
    employ: (worker, at, progress) =>
      employ(worker, { handler, model: options, listen: at, places, ...progress }),
    onHang: tellHang(options),
  });
  const address = await crew.start(workers, listen);
  return running(
    {
      address: address ?? listen,
      connections: () => crew.connections,
      stop: (graceMs) => crew.stop(graceMs),
      abort: () => crew.kill(),
    },
    options,
  );
}

/**
 * Finds out whether an address is free that several are to share: another server that shares its port would get a part of our
 * connections, and nobody would notice.
 *
 * @throws {NetError} As {@linkcode Driver.listen}.
 */
export async function findFree(address: TcpAddress): Promise<void> {
  const listener = await listenForNobody(address);
  await listener.close();
}

/** Listens for nobody: who comes is cut. @throws {NetError} As {@linkcode Driver.listen}. */
export function listenForNobody(address: TcpAddress, options: ListenOptions = {}): Promise<Listener> {
  return systemDriver().listen(
    address,
    (connection) => {
      connection.abort();
      return NOBODY;
    },
    options,
  );
}
