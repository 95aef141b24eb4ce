import type { Control, Outcome, SampleLabels, ServerView, SessionView, ValueFamily } from "../admin/mod.ts";
import { BusError } from "../bus/mod.ts";
import { type ChatServer, type Store, StoreError } from "../chat/mod.ts";

/** What operators see and do of sessions and what is counted, of one server or of several. */
export interface SessionDesk
  extends Required<
    Pick<Control, "sessions" | "closeSession" | "closeUserSessions" | "announce" | "servers">
  > {
  metrics(): readonly ValueFamily[] | Promise<readonly ValueFamily[]>;
}

/** What operators are told of a store. */
export type StoreState = Pick<Store, "isUp" | "setAside">;

/**
 * What `GET /health` says of a store: nothing while all is well.
 *
 * It is no reason to be unhealthy: a balancer that probes this keeps its backends, and their clients stay, until the store is back.
 */
export function storeHealth({ isUp, setAside }: StoreState): Readonly<Record<string, unknown>> {
  return { ...(!isUp && { store: "unreachable" }), ...(setAside > 0 && { setAside }) };
}

/**
 * The desk of one server.
 *
 * @param labels What tells its metrics from those of others. @default {nothing}
 */
export function sessionDesk(server: ChatServer, store: StoreState, labels: SampleLabels = {}): SessionDesk {
  const { control } = server;
  return {
    sessions(filter, limit): readonly SessionView[] {
      const now = Date.now();
      return control
        .list(filter, limit)
        .map(({ id, server, user, device, address: client, at, idleMs, queuedBytes, sentBytes }) => {
          const ageMs = Math.max(0, now - at);
          return { id, server, user, device, client, ageMs, idleMs, queuedBytes, sentBytes };
        });
    },
    closeSession: (id): Outcome => (control.close(id) ? { ok: true } : { ok: false, status: 404 }),
    async closeUserSessions(user, options): Promise<Outcome> {
      try {
        return (await control.closeUser(user, options)) ? { ok: true } : { ok: false, status: 404 };
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        return { ok: false, status: 503, error: "the store does not answer" };
      }
    },
    async announce(text): Promise<Outcome> {
      try {
        await control.announce(text);
        return { ok: true };
      } catch (error) {
        if (!(error instanceof BusError)) throw error;
        return { ok: false, status: 503, error: "the bus does not answer: clients may not be told" };
      }
    },
    metrics: () => familiesOf(server, store, labels),
    servers: () => [viewOf(server)],
  };
}

function viewOf({ id: name, connections, sessions, counters, draining }: ChatServer): ServerView {
  const { received, delivered } = counters;
  return { name, connections, sessions, received, delivered, draining: draining !== undefined };
}

/** What a server has counted. */
function familiesOf(
  server: ChatServer,
  { isUp, setAside }: StoreState,
  labels: SampleLabels,
): readonly ValueFamily[] {
  const { logins, received, delivered, dropped, refused } = server.counters;
  const one = (type: "gauge" | "counter", name: string, help: string, value: number): ValueFamily => ({
    name: `chorus_chat_${name}`,
    help,
    type,
    samples: [{ labels, value }],
  });
  return [
    one("gauge", "connections", "Connections of clients, logged in or not.", server.connections),
    one("gauge", "sessions", "Logged-in sessions.", server.sessions),
    one("counter", "logins_total", "Logins that were let in.", logins),
    one("counter", "messages_received_total", "Messages that were taken from clients and stored.", received),
    one("counter", "messages_delivered_total", "Messages that were written to clients.", delivered),
    one(
      "counter",
      "events_dropped_total",
      "Events that were dropped because their client was slow.",
      dropped,
    ),
    {
      name: "chorus_chat_refused_total",
      help: "Requests that were answered by an error, by its code.",
      type: "counter",
      samples: Array.from(refused, ([code, value]) => ({ labels: { ...labels, code }, value })),
    },
    one(
      "gauge",
      "set_aside",
      "Deliveries that have failed so often that somebody has to look at them.",
      setAside,
    ),
    one("gauge", "store_up", "Whether the store can be reached: 1 or 0.", isUp ? 1 : 0),
  ];
}
