/** Counts connections by where they come from: the address as it is given, or for the limits of clients its `networkOf`. What has none is forgotten. */
export class HostCounts {
  readonly #counts = new Map<string, number>();

  count(host: string): number {
    return this.#counts.get(host) ?? 0;
  }

  /** @returns How many there are now, this one included. */
  add(host: string): number {
    const count = this.count(host) + 1;
    this.#counts.set(host, count);
    return count;
  }

  remove(host: string): void {
    const count = this.count(host) - 1;
    if (count > 0) this.#counts.set(host, count);
    else this.#counts.delete(host);
  }
}
