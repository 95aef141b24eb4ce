/**
 * What a dashboard shows in the tests: backends of which there is news at each look.
 *
 * @module
 */
import type { BackendView, Control } from "../../src/admin/mod.ts";
import { type Clock, systemClock } from "../../src/async/mod.ts";

const COUNTS = { missed: 0, weight: 1, connections: 0, total: 0, source: "config", backup: false };

/** As many backends that are up. */
export function backends(count: number): BackendView[] {
  const names = Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 255}:6000`);
  return names.map((name) => ({ name, state: "up", ...COUNTS, heartbeats: "+".repeat(30) }));
}

/** A role with one pool whose backends do something else at each look. */
export function busy(all: readonly BackendView[]): Required<Pick<Control, "pools">> {
  let look = 0;
  return {
    pools: () => {
      look += 1;
      const moved = all.map((backend, index) => ({
        ...backend,
        connections: look + index,
        bytesIn: 999 * look,
      }));
      return [{ name: "p", policy: "random", dispatch: "splice", backends: moved, queued: look % 7 }];
    },
  };
}

/** A role whose pool is looked at, and how often it was. */
export class Looks {
  count = 0;
  readonly control: Pick<Control, "pools">;
  readonly #waiting = new Set<() => void>();

  constructor(all: readonly BackendView[]) {
    const { pools } = busy(all);
    this.control = {
      pools: () => {
        this.count += 1;
        for (const check of [...this.#waiting]) check();
        return pools();
      },
    };
  }

  /** Resolves when it was looked so often. */
  reach(count: number): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.count < count) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }
}

/** A clock on which timers fire so many times as early. */
export function fastClock(times: number): Clock {
  return { ...systemClock, after: (ms, callback) => systemClock.after(ms / times, callback) };
}
