import { type RedisClient, RedisError } from "./contract.ts";
import { hostOf, readSlots, type SlotRange } from "./slots.ts";

/** Who owns what, as one node sees it. */
export interface View {
  /** That node, as `HOST:PORT`. */
  readonly by: string;
  /** The larger, the newer. */
  readonly epoch: number;
  readonly ranges: readonly SlotRange[];
}

/**
 * The newest of what nodes see. While news spread, views of one epoch can differ: each node knows best what is its own.
 *
 * @returns Undefined when there is none.
 */
export function newest(views: readonly View[]): readonly SlotRange[] | undefined {
  const epoch = Math.max(...views.map((view) => view.epoch));
  const [first, ...others] = views.filter((view) => view.epoch === epoch);
  if (!first) return undefined;
  const own = [first, ...others].flatMap(({ by, ranges }) => ranges.filter(({ owner }) => owner === by));
  return [...first.ranges, ...own];
}

/** How a node sees the Cluster. @throws {RedisError} When it sees one that does not work. */
export async function readView(client: RedisClient, by: string): Promise<View> {
  const [info, slots] = await Promise.all([
    client.sendCommand(["CLUSTER", "INFO"]),
    client.sendCommand(["CLUSTER", "SLOTS"]),
  ]);
  const text = String(info);
  const ranges = readSlots(slots, hostOf(by));
  if (!ranges) throw new RedisError("rejected", "Cannot read the map of the Cluster: it has another form");
  if (!text.includes("cluster_state:ok")) {
    throw new RedisError("unreachable", "Cannot use Redis: a part of the Cluster has no master");
  }
  return { by, epoch: Number(/cluster_current_epoch:(\d+)/.exec(text)?.[1] ?? 0), ranges };
}
