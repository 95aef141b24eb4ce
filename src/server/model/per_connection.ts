import { Attendants, type ConnectionWorker } from "./attendants.ts";
import type { ModelOptions, ModelServer } from "./contract.ts";
import { Reactor } from "./reactor.ts";
import { running, wholeNumber } from "./running.ts";

/** Workers at once unless told otherwise. */
const MAX_WORKERS = 64;

/** Gives each connection a worker of its own, from accept to close, and carries the bytes between them. */
export async function perConnection(
  handler: string,
  options: ModelOptions,
  start: () => Promise<ConnectionWorker>,
): Promise<ModelServer> {
  const { onError = () => undefined } = options;
  const places = wholeNumber("maxConnections", options.maxConnections ?? MAX_WORKERS);
  const attendants = new Attendants(handler, options, start);
  const reactor = new Reactor({ places, serve: (client) => attendants.serve(client), onError });
  return running(
    {
      address: await reactor.listen(options.listen),
      connections: () => reactor.connections,
      stop: (graceMs) => reactor.close(graceMs),
      abort: () => {
        reactor.abort();
        attendants.kill();
      },
    },
    options,
  );
}
