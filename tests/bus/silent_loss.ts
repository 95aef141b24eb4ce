import { createServer, connect as dial, type Socket } from "node:net";

/** A Redis whose subscriptions can be spoilt. */
export interface SilentLoss extends AsyncDisposable {
  readonly url: string;
  /**
   * From now on who subscribes to a channel with the one text in its name is told that it has, but listens to one with the other text.
   * Both are of one length.
   */
  spoil(text: string, other: string): void;
  /** From now on everything is as it should be. */
  heal(): void;
}

/** Stands before a Redis and lets a subscription get lost without a word. */
export async function silentLoss(port: number): Promise<SilentLoss> {
  const sockets = new Set<Socket>();
  let spoilt: readonly [string, string] | undefined;
  const server = createServer((client) => {
    const redis = dial(port, "127.0.0.1");
    for (const [from, to] of [[client, redis] as const, [redis, client] as const]) {
      sockets.add(from);
      from.on("close", () => to.destroy()).on("error", () => to.destroy());
    }
    redis.pipe(client);
    client.on("data", (chunk) => {
      const text = chunk.toString("latin1");
      const isSubscribing = /^\*\d+\r\n\$9\r\nsubscribe/i.test(text);
      redis.write(spoilt && isSubscribing ? Buffer.from(text.replaceAll(...spoilt), "latin1") : chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("Cannot read the port");
  return {
    url: `redis://127.0.0.1:${address.port}`,
    spoil(text, other) {
      spoilt = [text, other];
    },
    heal() {
      spoilt = undefined;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
