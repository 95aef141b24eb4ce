import type { Logger } from "@logtape/logtape";
import type { FrontendHandler, Pool, RefusalReason } from "../balancer/mod.ts";
import { logErrors, wordsOf } from "./log.ts";

/** Logs every change of a backend once. */
export function logStates(pool: Pool, log: Logger): void {
  pool.watch({
    onAdd: ({ name, source }) =>
      log.info("backend {name} joined pool {pool} from {source}", { name, pool: pool.name, source }),
    onRemove: ({ name }) => log.info("backend {name} left pool {pool}", { name, pool: pool.name }),
    onState: ({ name, health }, from, to) =>
      log.info("backend {name} is {to}, was {from}; missed {missed}", {
        name,
        from,
        to,
        missed: health.missed,
      }),
  });
}

/** What clients do by themselves: of interest to who looks for it. */
const EVERYDAY: readonly RefusalReason[] = ["client_left", "denied", "tls"];

/** Logs the clients that could not be served. */
export function logClients(log: Logger): FrontendHandler {
  return {
    refused(host, reason, detail) {
      const level = EVERYDAY.includes(reason) ? "debug" : "warn";
      const why = detail === undefined ? "" : ` (${detail})`;
      log[level]("client {host} refused: {reason}{why}", { host, reason, why });
    },
    ended: ({ client, backend: { name } }, reason) =>
      log.debug("client {client} of backend {name} has gone: {reason}", { client, name, reason }),
    failed: ({ name }, error) =>
      log.debug("backend {name} not reached: {error}", { name, error: wordsOf(error) }),
    error: logErrors(log),
  };
}
