/** One metric with all its samples, as plain values. */
export type MetricFamily = ValueFamily | HistogramFamily;

/** A metric of single numbers. */
export interface ValueFamily {
  /** Such as `chorus_backend_connections`; a counter's ends in `_total`. */
  readonly name: string;
  /** One line about it. */
  readonly help: string;
  /** Whether it only grows. */
  readonly type: "counter" | "gauge";
  /** Its values, told apart by their labels. */
  readonly samples: Iterable<{ readonly labels: SampleLabels; readonly value: number }>;
}

/** A metric that counts by size. */
export interface HistogramFamily {
  /** Such as `chorus_backend_connect_seconds`. */
  readonly name: string;
  /** One line about it. */
  readonly help: string;
  /** That it counts by size. */
  readonly type: "histogram";
  /** Its counts, told apart by their labels. */
  readonly samples: Iterable<{ readonly labels: SampleLabels; readonly histogram: HistogramCounts }>;
}

/**
 * What tells the samples of a metric apart. Any text may be a value; names are of letters, digits and `_`.
 *
 * Samples, and families, may share one object, which is then set out once; it must not change.
 */
export type SampleLabels = Readonly<Record<string, string>>;

/** What a histogram has counted. */
export interface HistogramCounts {
  /** The upper bounds of the buckets, inclusive, rising, without infinity. */
  readonly bounds: readonly number[];
  /** How many values were at most `bounds[i]`, for each bound. */
  readonly counts: readonly number[];
  /** All values added up. */
  readonly sum: number;
  /** All values, those above the last bound included. */
  readonly count: number;
}

/** What the process uses, for `/metrics`. */
export interface ProcessUsage {
  /** Memory that it holds, in bytes. */
  readonly residentBytes: number;
  /** Processor time that it has used, in seconds. */
  readonly cpuSeconds: number;
  /** When it was started, in seconds since 1970. */
  readonly startedAtSeconds: number;
  /** Sockets that it has open. */
  readonly openSockets: number;
}
