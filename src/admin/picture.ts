import type { BackendView, Control, HealthReport, PoolView } from "./contract.ts";

/** The lists of a {@linkcode Picture}. */
export const LISTS = ["pools", "backends", "frontends", "servers", "drains"] as const;

/** The name of a list. */
export type ListName = (typeof LISTS)[number];

/** One thing that is followed, as flat values. What it has not is absent. */
export type Row = Readonly<Record<string, unknown>>;

/** Everything that followers are shown, as it was at one moment. Does not change. */
export interface Picture {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly health: HealthReport;
  /** The rows of each list by their keys, in the order in which they are shown. */
  readonly lists: Readonly<Record<ListName, ReadonlyMap<string, Row>>>;
}

/** What is another one than it was: all that a follower is told. A field or a list that is as it was is absent. */
export interface Change {
  readonly at: number;
  readonly health?: HealthReport;
  /** The rows that are new or have changed, with their `key` and the fields that are others: `null` where there is none any more. */
  readonly pools?: readonly Row[];
  readonly backends?: readonly Row[];
  readonly frontends?: readonly Row[];
  readonly servers?: readonly Row[];
  readonly drains?: readonly Row[];
  /** The keys of those that are gone, by list. */
  readonly gone?: Readonly<Partial<Record<ListName, readonly string[]>>>;
}

/** Looks at all that a role has. What it has nothing of is an empty list. */
export async function takePicture(control: Control, at: number): Promise<Picture> {
  const [pools = [], frontends = [], servers = [], drains = []] = await Promise.all([
    control.pools?.(),
    control.frontends?.(),
    control.servers?.(),
    control.drains?.(),
  ]);
  return {
    at,
    health: control.health(),
    lists: {
      pools: keyed(pools, ({ name }) => name, poolRow),
      backends: new Map(
        pools.flatMap(({ name: pool, backends }) =>
          backends.map((backend) => [keyOf(pool, backend.name), backendRow(pool, backend)] as const),
        ),
      ),
      frontends: keyed(
        frontends,
        ({ name }) => name,
        (row) => ({ ...row }),
      ),
      servers: keyed(
        servers,
        ({ name }) => name,
        (row) => ({ ...row }),
      ),
      drains: keyed(
        drains,
        ({ kind, pool = "", name }) => keyOf(kind, pool, name),
        (row) => ({ ...row }),
      ),
    },
  };
}

/** What a follower who knows `from` has to be told to know `to`; everything where it knows nothing. */
export function changeBetween(from: Picture | undefined, to: Picture): Change {
  const change: Record<string, unknown> = { at: to.at };
  if (isOther(from?.health, to.health)) change.health = to.health;
  const gone: Partial<Record<ListName, readonly string[]>> = {};
  for (const list of LISTS) {
    const [before, after] = [from?.lists[list] ?? new Map<string, Row>(), to.lists[list]];
    const rows = changedRows(before, after);
    if (rows.length > 0) change[list] = rows;
    const lost = Array.from(before.keys()).filter((key) => !after.has(key));
    if (lost.length > 0) gone[list] = lost;
  }
  if (Object.keys(gone).length > 0) change.gone = gone;
  // Its keys are those of the lists and no others.
  return change as unknown as Change;
}

/** Names may hold anything but a line's end. */
function keyOf(...names: readonly string[]): string {
  return names.join("\n");
}

function keyed<T>(
  views: readonly T[],
  key: (view: T) => string,
  row: (view: T) => Row,
): ReadonlyMap<string, Row> {
  return new Map(views.map((view) => [key(view), row(view)]));
}

function poolRow({ backends, ...facts }: PoolView): Row {
  return facts;
}

/** What is shown of a backend. Not how long it is in its state, which changes all the time, but since when. */
function backendRow(pool: string, backend: BackendView): Row {
  const { stateMs, risen, address, reported, connectTime, ...facts } = backend;
  return {
    pool,
    ...facts,
    connected: connectTime?.count,
    // Microseconds are fine enough, and short.
    connectSeconds: connectTime && Math.round(connectTime.seconds * 1e6) / 1e6,
  };
}

function changedRows(before: ReadonlyMap<string, Row>, after: ReadonlyMap<string, Row>): Row[] {
  const rows: Row[] = [];
  for (const [key, row] of after) {
    const fields = changedFields(before.get(key), row);
    if (fields) rows.push({ key, ...fields });
  }
  return rows;
}

/** Undefined where nothing has changed. Called for each row once a second: makes nothing that it does not need. */
function changedFields(before: Row = {}, after: Row): Row | undefined {
  let fields: Record<string, unknown> | undefined;
  for (const name in after) {
    if (!isOther(before[name], after[name])) continue;
    fields ??= {};
    fields[name] = after[name] ?? null;
  }
  for (const name in before) {
    if (name in after || before[name] === undefined) continue;
    fields ??= {};
    fields[name] = null;
  }
  return fields;
}

function isOther(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return false;
  if (typeof one !== "object" || typeof other !== "object") return true;
  return JSON.stringify(one) !== JSON.stringify(other);
}
