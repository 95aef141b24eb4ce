import { wait } from "../../src/async/mod.ts";
import type { SoakFault } from "./contract.ts";
import type { Random } from "./random.ts";

/** Faults that happen at once, to different things. */
const HANDS = 2;
/** Between two faults of one hand, in milliseconds. */
const PAUSE_MS = { least: 300, most: 4000 };

/** Does faults at random until told to stop. */
export class Hands {
  /** How often each fault was done. */
  readonly done: Map<string, number> = new Map();
  readonly #faults: readonly SoakFault[];
  readonly #underWay = new Map<string, SoakFault>();
  readonly #stop = new AbortController();
  readonly #work: Promise<unknown>;

  constructor(faults: readonly SoakFault[], random: Random) {
    this.#faults = faults.flatMap((fault) => Array.from({ length: fault.weight }, () => fault));
    this.#work = Promise.all(Array.from({ length: HANDS }, () => this.#hand(random.branch())));
    // Told by `stop`.
    this.#work.catch(() => undefined);
  }

  /** What is being done now. */
  get now(): string {
    return [...this.#underWay.values()].map(({ name, target }) => `${name} (${target})`).join(", ");
  }

  /** Resolves once everything is undone. @throws What a fault threw. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #hand(random: Random): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const free = this.#faults.filter(({ target }) => !this.#underWay.has(target));
      if (free.length > 0) await this.#do(random.pick(free), random);
      await wait(random.between(PAUSE_MS.least, PAUSE_MS.most), { signal }).catch(() => undefined);
    }
  }

  async #do(fault: SoakFault, random: Random): Promise<void> {
    this.#underWay.set(fault.target, fault);
    this.done.set(fault.name, (this.done.get(fault.name) ?? 0) + 1);
    try {
      await fault.run(random);
    } finally {
      this.#underWay.delete(fault.target);
    }
  }
}
