/**
 * A process or a thread that serves one connection, and ends when its parent says so or is gone.
 *
 * @module
 */
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { carriedConnection } from "../../net/mod.ts";
import type { Channel } from "../channel.ts";
import { processChannel, thisProcess } from "../process_channel.ts";
import { parentThread } from "../thread.ts";
import { importHandler } from "./handler_module.ts";
import type { Lane } from "./lane.ts";
import { pipeLane, threadLane } from "./lanes.ts";
import { type ConnectionOrders, type Ready, TOPICS, type ToldError, toSent } from "./orders.ts";
import { Relay } from "./relay.ts";
import { endWithParent } from "./worker_life.ts";

interface Parent {
  readonly channel: Channel;
  readonly lane: Lane;
}

function parent(): Parent {
  const thread = parentThread();
  if (thread) return { channel: thread, lane: threadLane(thread) };
  // Not `parentChannel`, which takes standard input for itself on Deno.
  const channel = processChannel(thisProcess());
  process.stdin.once("end", () => process.exit(0));
  return { channel, lane: pipeLane(channel, process.stdin, process.stdout) };
}

const { channel, lane } = parent();
if (isMainThread) endWithParent();
channel.on(TOPICS.stop, () => process.exit(0));
void channel.closed.then(() => process.exit(0));
channel.on(TOPICS.orders, (body) => void serve(body as ConnectionOrders));

async function serve({ handler, remote, local }: ConnectionOrders): Promise<void> {
  try {
    const accept = await importHandler(handler);
    carriedConnection(new Relay(lane, { remote, local }), accept, {
      onError: (error, { during }) =>
        channel.send(TOPICS.error, { error: toSent(error), during } satisfies ToldError),
      onOver: () => channel.send(TOPICS.over, undefined),
    });
    channel.send(TOPICS.ready, { address: undefined } satisfies Ready);
  } catch (error) {
    channel.send(TOPICS.ready, { failed: toSent(error) } satisfies Ready);
  }
}
