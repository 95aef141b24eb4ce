/** How many processes of each sort hold so many connections. */
export interface HoldLayout {
  readonly connections: number;
  /** Workers of each balancer, where a connection takes a file to the client and one to the backend. */
  readonly workers: number;
  readonly servers: number;
  readonly loads: number;
}

/** The most processes of one sort: with fewer files for each there are fewer connections. */
const MOST_PROCESSES = 8;
/** Files that each process keeps for other things: a runtime that accepts all that waits keeps a thousand. */
const MOST_KEPT = 1100;

/**
 * As few processes as can hold the connections, but two of each, since every one may open so many files only.
 *
 * @param wanted Connections; fewer come of it where even several processes cannot hold them.
 * @param files How many files a process may open.
 */
export function holdLayout(wanted: number, files: number): HoldLayout {
  const most = Number.isFinite(files) ? files - Math.min(MOST_KEPT, Math.ceil(files / 8)) : wanted;
  const spliced = Math.floor(most / 2);
  const connections = Math.min(wanted, MOST_PROCESSES * spliced);
  const processes = (each: number): number => Math.max(2, Math.ceil(connections / each));
  return { connections, workers: processes(spliced), servers: processes(most), loads: processes(most) };
}

/** Who writes to whom: pairs of two different ones each, drawn from all. */
export function randomPairs(names: readonly string[], pairs: number): ReadonlyMap<string, string> {
  const left = [...names];
  const draw = (): string => {
    const index = Math.floor(Math.random() * left.length);
    const [drawn = ""] = left.splice(index, 1, left.at(-1) ?? "");
    left.pop();
    return drawn;
  };
  const count = Math.min(pairs, Math.floor(names.length / 2));
  return new Map(Array.from({ length: count }, () => [draw(), draw()]));
}
