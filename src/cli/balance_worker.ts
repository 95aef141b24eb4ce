/**
 * A process or a thread that serves clients of a balancer.
 *
 * @module
 */
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { Follower, type WorkerOrders, type WorkerUsage } from "../balancer/mod.ts";
import { openHandles } from "../net/mod.ts";
import {
  type Channel,
  endWithParent,
  parentChannel,
  parentThread,
  type Ready,
  TOPICS,
  toSent,
} from "../server/mod.ts";
import { logClients } from "./balance_log.ts";
import { type LogOptions, logErrors, startLog } from "./log.ts";
import { processUsage } from "./process_usage.ts";

const channel = parentThread() ?? parentChannel();
if (!channel) throw new Error("balance_worker.ts is started by chorus balance");
if (isMainThread) endWithParent();
channel.on(TOPICS.orders, (body) => void work(channel, body as WorkerOrders));

async function work(parent: Channel, orders: WorkerOrders): Promise<void> {
  const stopped = new Promise<number>((resolve) => {
    parent.on(TOPICS.stop, (graceMs) => resolve(Number(graceMs)));
    void parent.closed.then(() => resolve(orders.graceMs));
  });
  try {
    const follower = await start(parent, orders);
    parent.send(TOPICS.ready, { address: undefined } satisfies Ready);
    await follower.stop(await stopped);
    process.exit(0);
  } catch (error) {
    parent.send(TOPICS.ready, { failed: toSent(error) } satisfies Ready);
    // The parent ends us, so that its answer to this is not lost with us.
    await stopped;
    process.exit(1);
  }
}

async function start(parent: Channel, orders: WorkerOrders): Promise<Follower> {
  // Our own words: `Workers` was given these options of a log.
  const options = orders.program as LogOptions;
  const log = await startLog({ ...options, role: `${options.role}-${orders.number}` });
  return await Follower.start(parent, orders, {
    handler: logClients(log),
    onError: logErrors(log),
    onGate(isOpen) {
      if (isOpen) log.info("there is room again: clients are accepted");
      else log.warn("open files are scarce: no more clients are accepted until there is room");
    },
    usage,
  });
}

/** A thread shares all but its sockets with its process, which tells of it. */
function usage(): WorkerUsage {
  if (isMainThread) return processUsage();
  return { residentBytes: 0, cpuSeconds: 0, openSockets: openHandles() };
}
