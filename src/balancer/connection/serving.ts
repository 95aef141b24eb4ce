import type { BackendState } from "../contract.ts";
import type { Backend } from "../pool/backend.ts";
import type { Pool } from "../pool/pool.ts";

/** What happens to the backends of a pool, as far as connections that they have or could have are concerned. */
export interface ServingHandler {
  /** It may serve from now on: it has answered for the first time, came back, or was enabled again. */
  onServing?(backend: Backend): void;
  onDown?(backend: Backend): void;
  /** It is no longer down; whether it serves is another matter. */
  onRisen?(backend: Backend): void;
  onRemove?(backend: Backend): void;
}

/** Whether new clients may go to a backend in that state. */
export function isServingState(state: BackendState): boolean {
  switch (state) {
    case "up":
    case "suspect":
      return true;
    case "down":
    case "draining":
    case "disabled":
      return false;
  }
}

/** Tells `handler` of the backends of a pool from now on, until disposed. Those that serve already are no news. */
export function watchServing(pool: Pool, handler: ServingHandler): Disposable {
  const serving = new Set<Backend>();
  const down = new Set<Backend>();
  return pool.watch({
    onAdd(backend) {
      const state = backend.state();
      if (isServingState(state) && backend.health.verdict !== "new") serving.add(backend);
      if (state === "down") down.add(backend);
    },
    onRemove(backend) {
      serving.delete(backend);
      down.delete(backend);
      handler.onRemove?.(backend);
    },
    onState(backend, _, to) {
      const isServing = isServingState(to);
      if (to === "down") down.add(backend);
      // One that is drained while it is down is not known to be better.
      else if (isServing && down.delete(backend)) handler.onRisen?.(backend);
      if (!isServing) serving.delete(backend);
      else if (!serving.has(backend)) {
        serving.add(backend);
        handler.onServing?.(backend);
      }
      if (to === "down") handler.onDown?.(backend);
    },
  });
}
