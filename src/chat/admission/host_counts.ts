import { networkOf } from "../../net/mod.ts";

/** Counts connections by the {@linkcode networkOf} the host that they come from. Those without any are forgotten. */
export class HostCounts {
  readonly #counts = new Map<string, number>();

  count(host: string): number {
    return this.#counts.get(networkOf(host)) ?? 0;
  }

  /** @returns How many there are now, this one included. */
  add(host: string): number {
    const count = this.count(host) + 1;
    this.#counts.set(networkOf(host), count);
    return count;
  }

  remove(host: string): void {
    const count = this.count(host) - 1;
    if (count > 0) this.#counts.set(networkOf(host), count);
    else this.#counts.delete(networkOf(host));
  }
}
