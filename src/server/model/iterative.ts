import type { ModelOptions, ModelServer } from "./contract.ts";
import { importHandler } from "./handler_module.ts";
import { Reactor } from "./reactor.ts";
import { running } from "./running.ts";

/** Accept, serve to the end, accept the next: one connection at a time, in this process. What it does not catch ends us all. */
export async function iterative(handler: string, options: ModelOptions): Promise<ModelServer> {
  const accept = await importHandler(handler);
  const { onError = () => undefined } = options;
  const reactor = new Reactor({
    places: 1,
    serve: (connection) => ({ handler: accept(connection) }),
    onError,
  });
  return running(
    {
      address: await reactor.listen(options.listen),
      connections: () => reactor.connections,
      stop: (graceMs) => reactor.close(graceMs),
      abort: () => reactor.abort(),
    },
    options,
  );
}
