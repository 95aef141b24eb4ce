import type { Control } from "../admin/mod.ts";
import type { ChatServer, Store } from "../chat/mod.ts";
import { sessionDesk, storeHealth } from "./session_desk.ts";

/** Options for {@linkcode chatControl}. */
export interface ChatControlOptions {
  readonly server: ChatServer;
  readonly store: Store;
  /** How long clients have to leave, when an operator does not say. */
  readonly graceMs: number;
  /** Told first: who is sent away is not to come back here. */
  readonly onDraining: (draining: boolean) => void;
}

/** What operators see of a chat server, and can do. */
export function chatControl({ server, store, graceMs, onDraining }: ChatControlOptions): Control {
  return {
    health: () => ({
      healthy: true,
      role: "chat",
      id: server.id,
      connections: server.connections,
      sessions: server.sessions,
      ...(server.draining && { draining: true }),
      ...storeHealth(store),
    }),
    ...sessionDesk(server, store),
    changeServer({ state, deadlineMs = graceMs }) {
      onDraining(state === "draining");
      if (state === "draining") server.drain(deadlineMs);
      else server.undrain();
      return { ok: true, value: { state } };
    },
    drains() {
      const { draining, id: name } = server;
      return draining && draining.left > 0 ? [{ kind: "server", name, ...draining }] : [];
    },
  };
}
