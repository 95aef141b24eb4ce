import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { withDeadline } from "../../src/async/mod.ts";
import type { Address } from "../../src/net/mod.ts";
import { RUNTIME } from "../testing.ts";
import { DEADLINE_MS } from "./recording.ts";

/** A listener that does not answer. */
export interface Hanging extends AsyncDisposable {
  readonly address: Address;
  /** Lets it answer after all. */
  release(): void;
}

/** One on a real network. */
export interface HangingListener extends Hanging {
  /** Resolves when the first of its clients has gone. */
  readonly left: Promise<void>;
}

/** How many connections the system keeps waiting where a backlog of 1 is asked for; Bun does not let us ask. */
const QUEUE = RUNTIME === "bun" ? 513 : 2;

/** Listens on loopback with a full accept queue, so that the system leaves a further connection unanswered. */
export async function hangingListener(): Promise<HangingListener> {
  const lock = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL("./hanging_worker.ts", import.meta.url), { workerData: lock.buffer });
  const ready = new Promise<{ port: number }>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  const { port } = await withDeadline(ready, DEADLINE_MS, "start a worker that listens");
  const left = new Promise<void>((resolve) => worker.once("message", () => resolve()));
  const waiting: Socket[] = [];
  for (let index = 0; index < QUEUE; index++) waiting.push(await connected(port));
  const release = (): void => {
    Atomics.store(lock, 0, 1);
    Atomics.notify(lock, 0);
  };
  return {
    address: { host: "127.0.0.1", port },
    release,
    left,
    async [Symbol.asyncDispose]() {
      release();
      for (const socket of waiting) socket.destroy();
      await worker.terminate();
    },
  };
}

function connected(port: number): Promise<Socket> {
  const opening = new Promise<Socket>((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
  return withDeadline(opening, DEADLINE_MS, "fill the accept queue");
}
