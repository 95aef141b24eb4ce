import { type Connection, type Driver, type Splice, type SpliceOptions, splice } from "../../src/net/mod.ts";
import { connectionPair, type Side } from "./recording.ts";

/** A client and a backend with a splice between them. */
export interface Spliced extends AsyncDisposable {
  readonly client: Side;
  readonly backend: Side;
  readonly splice: Splice;
  /** The connections in the middle. */
  readonly a: Connection;
  readonly b: Connection;
  /** Somebody else handles one of these by now, so the splice does not hear of its end. */
  isTakenOver: boolean;
}

/** Connects both ways and puts a splice between them. */
export async function spliced(front: Driver, back: Driver, options?: SpliceOptions): Promise<Spliced> {
  const left = await connectionPair(front);
  const right = await connectionPair(back);
  const a = left.server.connection;
  const b = right.client.connection;
  const pair = splice(a, b, options);
  const made: Spliced = {
    client: left.client,
    backend: right.server,
    splice: pair,
    a,
    b,
    isTakenOver: false,
    async [Symbol.asyncDispose]() {
      left.client.connection.abort();
      right.server.connection.abort();
      a.abort();
      b.abort();
      await Promise.all([left.client.recorder.closed, right.server.recorder.closed]);
      if (!made.isTakenOver) await pair.closed;
      await Promise.all([left.listener.close(), right.listener.close()]);
    },
  };
  return made;
}
