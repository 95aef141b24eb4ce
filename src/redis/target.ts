import { type RedisClient, RedisError } from "./contract.ts";
import { showUrl } from "./url.ts";

/** Where a link finds its server; it may be another one each time. Used by one link, which closes it. */
export interface LinkTarget {
  /** The address without its password. */
  readonly shownUrl: string;
  /**
   * Finds the address to connect to now.
   *
   * @param signal Ends the search.
   * @param onMoved Called when the server is at another address, now or later.
   */
  find(signal: AbortSignal, onMoved: (url: string) => void): Promise<string>;
  /** Called now and then while the link is up, to look whether the server has moved. */
  look(): void;
  close(): Promise<void>;
}

/** What serves behind a link, beside any Redis: the one master, or a master of a Cluster. */
export type LinkServer = "any" | "master" | "node";

/** A server at a fixed address. */
export function fixedTarget(url: string): LinkTarget {
  return {
    shownUrl: showUrl(url),
    find: async () => url,
    look: () => undefined,
    close: async () => undefined,
  };
}

/** Refuses what cannot serve us, by what it says of itself, which every user may ask. */
export async function checkServer(client: RedisClient, server: LinkServer): Promise<void> {
  if (server === "any") return;
  const reply = await client.sendCommand(["HELLO"]);
  const { role, mode } = Object.fromEntries(Object.entries(reply ?? {}));
  if (role !== "master") throw new RedisError("unreachable", `Cannot use Redis: it is a ${role}, no master`);
  if (server === "master" && mode === "cluster") {
    throw new RedisError("rejected", "Cannot use Redis: it is part of a Cluster; write redis+cluster://");
  }
  if (server === "node" && mode !== "cluster") {
    throw new RedisError("rejected", "Cannot use Redis: it is not part of a Cluster; write redis://");
  }
}
