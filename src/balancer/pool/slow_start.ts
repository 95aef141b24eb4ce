import type { Clock, Timer } from "../../async/mod.ts";

/** The ramp goes from one of so many parts to all of them. */
const PARTS = 10;

/** Something whose ramp is changed. */
interface Starting {
  ramp: number;
}

/** Raises the ramp of those that start slowly, from a tenth to 1 in equal steps. */
export class SlowStart<B extends Starting> {
  readonly #clock: Clock;
  readonly #onStep: (backend: B) => void;
  readonly #timers = new Map<B, Timer>();

  /** @param onStep Called when a ramp has been raised. */
  constructor(clock: Clock, onStep: (backend: B) => void) {
    this.#clock = clock;
    this.#onStep = onStep;
  }

  /** Sets the ramp to a tenth, which is left to the caller to tell; after `durationMs` it is 1 again. */
  begin(backend: B, durationMs: number): void {
    this.#timers.get(backend)?.cancel();
    this.#set(backend, 1, durationMs / (PARTS - 1));
  }

  /** Sets the ramp to 1, which is left to the caller to tell. */
  end(backend: B): void {
    this.#timers.get(backend)?.cancel();
    this.#timers.delete(backend);
    backend.ramp = 1;
  }

  /** Ends all, and tells of each. */
  endAll(): void {
    for (const backend of this.#timers.keys()) {
      this.end(backend);
      this.#onStep(backend);
    }
  }

  #set(backend: B, parts: number, stepMs: number): void {
    if (parts >= PARTS) {
      this.end(backend);
      return;
    }
    backend.ramp = parts / PARTS;
    const timer = this.#clock.after(stepMs, () => {
      this.#set(backend, parts + 1, stepMs);
      this.#onStep(backend);
    });
    this.#timers.set(backend, timer);
  }
}
