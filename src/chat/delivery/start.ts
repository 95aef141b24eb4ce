import type { Cursor } from "../protocol.ts";
import type { DeviceState, Store } from "../store/mod.ts";

/** Where a session goes on, and what to say if that is not where the client was. */
export interface Start {
  /** The number of the last entry that the client has. */
  readonly after: number;
  /** The stamp of that entry, where the client's own cursor names it. */
  readonly stamp?: number;
  /** Whether that is the client's own cursor. */
  readonly isResumed: boolean;
  readonly resync: "trimmed" | "rollback" | undefined;
}

/**
 * Where a device goes on: after its cursor, if that is of this history and still kept; else after what it has acknowledged.
 *
 * @throws {StoreError}
 */
export async function findStart(
  store: Store,
  user: string,
  state: DeviceState,
  cursor: Cursor | undefined,
): Promise<Start> {
  // What was acknowledged of entries that a rollback has taken is not of this history.
  const after = Math.max(Math.min(state.acked, state.top), state.floor);
  if (!cursor) return { after, isResumed: false, resync: lossOf(state) };
  const { inbox, stamp, epoch } = cursor;
  if (epoch === state.epoch && inbox < state.floor)
    return { after: state.floor, isResumed: false, resync: "trimmed" };
  const isKnown =
    epoch === state.epoch && inbox <= state.top && (await hasStamp(store, user, state, inbox, stamp));
  if (isKnown) return { after: inbox, stamp, isResumed: true, resync: undefined };
  return { after, isResumed: false, resync: "rollback" };
}

/** What has become of entries that the device does not have, or of those that it has. */
function lossOf({ acked, floor, top }: DeviceState): Start["resync"] {
  if (acked > top) return "rollback";
  return acked < floor ? "trimmed" : undefined;
}

/** Whether entry `inbox` is the one the client saw. At the floor, which is 0 for a whole inbox, there is none to compare. */
async function hasStamp(
  store: Store,
  user: string,
  state: DeviceState,
  inbox: number,
  stamp: number,
): Promise<boolean> {
  if (inbox === state.floor) return true;
  if (inbox === state.top) return stamp === state.stamp;
  const [entry] = await store.readInbox(user, inbox - 1, { count: 1, bytes: 1 });
  return entry?.inbox === inbox && entry.stamp === stamp;
}
