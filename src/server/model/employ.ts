import type { Address } from "../../net/mod.ts";
import { type Hang, wordsOfHang } from "../watch.ts";
import type { Worker } from "../worker.ts";
import { GRACE_MS, type ModelOptions } from "./contract.ts";
import type { Progress } from "./crew.ts";
import { fromSent, type ReactorOrders, type Ready, TOPICS, type ToldError } from "./orders.ts";

/** The module that reactors run. */
export const REACTOR_WORKER: string = new URL("./reactor_worker.ts", import.meta.url).href;

/** What a reactor is to do, and who is told how it goes. */
export interface Employment extends Progress {
  readonly handler: string;
  readonly model: ModelOptions;
  readonly listen: Address | "handed";
  readonly places: number;
}

/** What is told of a reactor that has stopped answering: most often it is a handler that does not return. */
export function tellHang({ onError }: ModelOptions): (worker: Worker, hang: Hang) => void {
  return (_, hang) => onError?.(new Error(`a worker ${wordsOfHang(hang)}`), { during: "handler" });
}

/** Gives a worker that runs {@linkcode REACTOR_WORKER} its orders. @returns The same; its end says why it could not serve. */
export function employ(
  worker: Worker,
  { handler, model, listen, places, onReady, onCount }: Employment,
): Worker {
  const { channel } = worker;
  const heard = hearReady(worker, onReady);
  channel.on(TOPICS.count, (body) => onCount(Number(body)));
  channel.on(TOPICS.error, (body) => {
    const { error, during } = body as ToldError;
    model.onError?.(fromSent(error), { during });
  });
  const { graceMs = GRACE_MS } = model;
  channel.send(TOPICS.orders, { handler, listen, places, graceMs } satisfies ReactorOrders);
  return heard;
}

/** Waits for a worker to be ready; ends one that cannot be. @returns The same worker, whose end then says why it could not. */
export function hearReady(worker: Worker, onReady: (address: Address | undefined) => void): Worker {
  let failure: { readonly error: Error } | undefined;
  worker.channel.on(TOPICS.ready, (body) => {
    const ready = body as Ready;
    if ("address" in ready) return onReady(ready.address);
    failure = { error: fromSent(ready.failed) };
    worker.kill("SIGKILL");
  });
  return { ...worker, exited: worker.exited.then((end) => failure ?? end) };
}
