import type { Announcement, RegistryHandler } from "../../src/registry/mod.ts";

/** A watcher that keeps what it is told, a line each, and when (`performance.now`). */
export interface Log extends RegistryHandler {
  readonly lines: string[];
  /** Resolves when a line was told that is `line`, from the start or the given index on. */
  told(line: string, from?: number): Promise<void>;
}

/** Makes a watcher that keeps what it is told. */
export function log(): Log {
  const lines: string[] = [];
  let more = Promise.withResolvers<void>();
  const add = (line: string): void => {
    lines.push(line);
    more.resolve();
    more = Promise.withResolvers();
  };
  return {
    lines,
    joined: (announcement) => add(`joined ${show(announcement)}`),
    changed: (announcement) => add(`changed ${show(announcement)}`),
    left: (id, reason) => add(`left ${id} ${reason}`),
    async told(line, from = 0) {
      while (!lines.slice(from).includes(line)) await more.promise;
    },
  };
}

function show({ id, weight, draining }: Announcement): string {
  return `${id} weight=${weight}${draining ? " draining" : ""}`;
}

/** An announcement with that id. */
export function server(id: string, change: Partial<Announcement> = {}): Announcement {
  return { id, tcp: "127.0.0.1:7001", weight: 1, capacity: 100, draining: false, ...change };
}
