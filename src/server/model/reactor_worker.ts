/**
 * A process or a thread that is a reactor: it accepts on the port that it shares with others, or takes what it is handed.
 *
 * @module
 */
import process from "node:process";
import { setImmediate } from "node:timers";
import { isMainThread } from "node:worker_threads";
import type { Address, ListenOptions } from "../../net/mod.ts";
import type { Channel } from "../channel.ts";
import { takeConnections } from "../hand_over.ts";
import { parentChannel } from "../process_channel.ts";
import { parentThread } from "../thread.ts";
import { importHandler } from "./handler_module.ts";
import { type ReactorOrders, type Ready, TOPICS, type ToldError, toSent } from "./orders.ts";
import { Reactor } from "./reactor.ts";
import { endWithParent } from "./worker_life.ts";

const channel = parentThread() ?? parentChannel();
if (!channel) throw new Error("reactor_worker.ts is started by a server of a model");
if (isMainThread) endWithParent();
channel.on(TOPICS.orders, (body) => void work(channel, body as ReactorOrders));

async function work(parent: Channel, orders: ReactorOrders): Promise<void> {
  const stopped = new Promise<number>((resolve) => {
    parent.on(TOPICS.stop, (graceMs) => resolve(Number(graceMs)));
    void parent.closed.then(() => resolve(orders.graceMs));
  });
  try {
    const reactor = await start(parent, orders);
    await reactor.close(await stopped);
    process.exit(0);
  } catch (error) {
    parent.send(TOPICS.ready, { failed: toSent(error) } satisfies Ready);
    // The parent ends us, so that its answer to this is not lost with us.
    await stopped;
    process.exit(1);
  }
}

async function start(parent: Channel, { handler, listen, places }: ReactorOrders): Promise<Reactor> {
  const accept = await importHandler(handler);
  const count = perTurn(() => void parent.send(TOPICS.count, reactor.connections));
  const onError: NonNullable<ListenOptions["onError"]> = (error, { during }) =>
    void parent.send(TOPICS.error, { error: toSent(error), during } satisfies ToldError);
  const reactor: Reactor = new Reactor({
    places,
    serve: (connection) => ({ handler: accept(connection) }),
    onError,
    onChange: count,
  });
  let address: Address | undefined;
  if (listen === "handed")
    takeConnections(parent, (socket, onClosed) => reactor.adopt(socket, onClosed), onError);
  else address = await reactor.listen(listen, { reusePort: true });
  parent.send(TOPICS.ready, { address } satisfies Ready);
  return reactor;
}

/** Does something once a turn, however often it is asked for. */
function perTurn(work: () => void): () => void {
  let isScheduled = false;
  return () => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      work();
    });
  };
}
