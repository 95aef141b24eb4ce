import type { Backend } from "../pool/backend.ts";

/** Options for a {@linkcode Probe}. */
export interface ProbeOptions {
  /** Aborted when nobody wants an answer any more, now or later: the probe settles soon and holds nothing for the backend. */
  readonly signal: AbortSignal;
  /** For how long the answer is waited for, in milliseconds. One that comes later, up to as long again, still counts. */
  readonly timeoutMs: number;
}

/** What a backend says of itself; every part is absent where its kind of answer cannot tell. */
export interface ProbeAnswer {
  /** Connections that it has. */
  readonly connections?: number;
  /** Connections that it can have. */
  readonly capacity?: number;
  /** It wants no new clients. */
  readonly isDraining?: boolean;
}

/** Asks a backend whether it lives. Resolves with its answer; rejects once it is known that none comes, and says why. */
export type Probe = (backend: Backend, options: ProbeOptions) => Promise<ProbeAnswer>;
