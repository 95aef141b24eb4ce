import type { Logger } from "@logtape/logtape";
import type { FrontendHandler, Pool, RefusalReason } from "../balancer/mod.ts";
import { logErrors, wordsOf } from "./log.ts";

/** Logs every change of a backend once. */
export function logStates(pool: Pool, log: Logger): void {
  pool.watch({
    onAdd: ({ name, source }) =>
      log.info("backend {name} joined pool {pool} from {source}", { name, pool: pool.name, source }),
    onRemove: ({ name }) => log.info("backend {name} left pool {pool}", { name, pool: pool.name }),
    onState({ name, health: { missed }, counters: { lastError } }, from, to) {
      const change = { name, pool: pool.name, from, to, missed };
      const isGood = to === "up" || lastError === undefined;
      if (isGood) log.info("backend {name} of pool {pool} is {to}, was {from}; missed {missed}", change);
      else
        log.info("backend {name} of pool {pool} is {to}, was {from}; missed {missed}: {error}", {
          ...change,
          error: lastError,
        });
    },
  });
}

/** What clients do by themselves: of interest to who looks for it. */
const EVERYDAY: readonly RefusalReason[] = ["client_left", "denied", "tls"];

/** Logs the clients that could not be served. */
export function logClients(log: Logger): FrontendHandler {
  return {
    refused(host, reason, detail) {
      const level = EVERYDAY.includes(reason) ? "debug" : "warn";
      if (detail === undefined) log[level]("client {host} refused: {reason}", { host, reason });
      else log[level]("client {host} refused: {reason} ({detail})", { host, reason, detail });
    },
    ended: ({ client, backend: { name } }, reason) =>
      log.debug("client {client} of backend {name} has gone: {reason}", { client, name, reason }),
    failed: ({ name }, error) =>
      log.debug("backend {name} not reached: {error}", { name, error: wordsOf(error) }),
    error: logErrors(log),
  };
}
