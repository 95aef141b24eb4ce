/** What one measurement gave: each metric by its name. */
export type Sample = Readonly<Record<string, number>>;

/** One column of a scenario's table. */
export interface Metric {
  readonly name: string;
  /** What it is counted in, such as `messages/s` or `ms`. */
  readonly unit: string;
  /** Digits behind the point. @default {0} */
  readonly digits?: number;
}

/** Who does the work of a scenario, in one way. */
export interface Row {
  readonly name: string;
  /** Ours, another program people use, or what shows the price of the language or of nothing in between. */
  readonly kind: "ours" | "peer" | "control" | "direct";
  /** Whether a quick look at everything leaves it out, since another row does most of the same. */
  readonly isVariant?: boolean;
  /** Why it cannot be measured here, such as that a program is not installed; undefined when it can. */
  missing?(): string | undefined;
  /** Starts what is needed, measures it once, and ends it. */
  measure(round: Round): Promise<Sample>;
}

/** How much one measurement is. */
export interface Round {
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** `small` when it only has to show that a row works: then rows that make many clients first make fewer. */
  readonly size: "full" | "small";
}

/** A piece of work that is given to several rows. */
export interface Scenario {
  readonly name: string;
  /** What is done, in one sentence. */
  readonly title: string;
  /** The scenario that this one is with other numbers: a quick look at everything leaves it out. */
  readonly variantOf?: string;
  /** The first one says how much was done. */
  readonly metrics: readonly Metric[];
  /** The metric that rows are compared by. @default {the first one} */
  readonly compared?: string;
  /** The metrics that have a panel in the picture. @default {the one that rows are compared by, and the first one} */
  readonly drawn?: readonly string[];
  /** How many rounds there are unless somebody asks for another number, where one takes very long. @default {5} */
  readonly rounds?: number;
  /** The row that the others are a ratio of: the first of these that can be measured. */
  readonly baselines: readonly string[];
  readonly rows: readonly Row[];
}
