import { randomBytes } from "node:crypto";
import type { Control, DrainView, ValueFamily } from "../admin/mod.ts";
import { systemClock } from "../async/mod.ts";
import { admissionHub } from "../chat/mod.ts";
import type { TcpAddress } from "../net/mod.ts";
import { type Announced, redisRegistry } from "../registry/mod.ts";
import type { Channel } from "../server/mod.ts";
import type { OnError } from "./backing.ts";
import type { ChatStart } from "./chat.ts";
import { announceChat } from "./chat_announcing.ts";
import type { ChatValues } from "./chat_flags.ts";
import type { WorkerConfiguration } from "./chat_worker.ts";
import { ChatWorkers } from "./chat_workers.ts";
import { openHubs } from "./child_backing.ts";
import { logErrors } from "./log.ts";
import { announceReady, onFreePort } from "./process.ts";
import { toAddressList, toLimits } from "./role_flags.ts";
import { serveAdmin } from "./serve_admin.ts";
import { storeHealth } from "./session_desk.ts";
import { stopServing } from "./stopping.ts";
import { UpDesk } from "./up_desk.ts";
import { advertisedWeb } from "./web_flags.ts";

/** Runs a chat server of several workers: this process starts them and speaks for them, and serves no client itself. */
export async function serveWithWorkers(start: ChatStart): Promise<number> {
  const { values, given, advertised, token, log, interrupted } = start;
  const { grace, redis } = values;
  const onError = logErrors(log);
  const id = values.id ?? `chat-${randomBytes(4).toString("hex")}`;
  await using opened = new AsyncDisposableStack();
  const desk = new UpDesk();
  const attach = await openAttached(values, desk, onError, opened);
  const ending = new AbortController();
  const connection = { ending: ending.signal };
  const registry =
    redis === undefined ? undefined : opened.use(await redisRegistry({ url: redis, onError, connection }));
  const workers = new ChatWorkers({
    ...kindOf(start),
    id,
    configuration: configurationOf(start),
    attach,
    log,
  });
  interrupted.onSecond(() => workers.kill());
  opened.defer(() => workers.stop());
  const starting = onFreePort(values.listen as TcpAddress, given.has("listen"), log, (listen) =>
    workers.start(listen),
  );
  const listen = await Promise.race([starting, interrupted.asked]);
  if (!listen) return 0;

  let announced: Announced | undefined;
  const onDraining = (draining: boolean): void => announced?.update({ draining });
  const control = controlOf({ id, workers, desk, graceMs: grace, count: start.workers, onDraining });
  const admin = await serveAdmin({
    ...{ listen: values.admin, isAskedFor: given.has("admin"), token, control, log },
  });
  if (admin) opened.use(admin);
  const instance = `${id}-${randomBytes(4).toString("hex")}`;
  const tcp = advertised ?? listen;
  const told = workers.web && advertisedWeb(workers.web, tcp);
  announced = await announceChat(registry, { instance, tcp, web: told, values });
  // An operator may have been quicker.
  if (workers.draining) onDraining(true);
  announceReady("chat", { tcp: listen, web: workers.web, admin: admin?.address, id });

  await interrupted.asked;
  log.info("stopping: clients have {grace} ms to leave", { grace });
  await stopServing({
    graceMs: grace,
    ending,
    sayGoodbye: () => announced?.[Symbol.asyncDispose](),
    close: () => workers.stop(),
  });
  return 0;
}

function kindOf({ values, workers: count }: ChatStart) {
  return { count, kind: values["worker-kind"] };
}

/** Opens what the workers share: who may come in, and without a Redis the hubs of the bus and of presence, and the one writer. */
async function openAttached(
  values: ChatValues,
  desk: UpDesk,
  onError: OnError,
  opened: AsyncDisposableStack,
): Promise<(channel: Channel) => void> {
  const { redis, data, durable, "max-connections": maxConnections } = values;
  const limits = toLimits(values.limit);
  const admission = opened.use(admissionHub({ limits, maxConnections, clock: systemClock }));
  const attachHubs = redis === undefined ? await openHubs({ data, durable, onError }, opened) : undefined;
  return (channel) => {
    desk.attach(channel);
    admission.attach(channel);
    attachHubs?.(channel);
  };
}

function configurationOf({
  values,
  web,
  tokens,
}: ChatStart): Omit<WorkerConfiguration, "id" | "instance" | "listen"> {
  const { data, redis, durable, capacity, trusted, grace: graceMs } = values;
  // What is wrong in it is told here, and not once by each worker.
  toAddressList(trusted);
  return {
    ...{ web, data, redis, durable, capacity, trusted, graceMs },
    limits: toLimits(values.limit),
    passwordCost: values["password-cost"],
    tokens: tokens?.options,
    log: { format: values.log, level: values["log-level"], role: "chat" },
  };
}

interface ControlOptions {
  readonly id: string;
  readonly workers: ChatWorkers;
  readonly desk: UpDesk;
  /** How long clients have to leave, when an operator does not say. */
  readonly graceMs: number;
  readonly count: number;
  /** Told first: who is sent away is not to come back here. */
  readonly onDraining: (draining: boolean) => void;
}

/** What operators see of all workers as of one server, and can do. */
function controlOf({ id, workers, desk, graceMs, count, onDraining }: ControlOptions): Control {
  return {
    health: () => ({
      healthy: workers.running > 0,
      role: "chat",
      id,
      connections: workers.connections,
      sessions: workers.sessions,
      workers: { running: workers.running, of: count },
      ...(workers.draining && { draining: true }),
      ...storeHealth(desk.store),
    }),
    sessions: desk.sessions.bind(desk),
    closeSession: desk.closeSession.bind(desk),
    closeUserSessions: desk.closeUserSessions.bind(desk),
    announce: desk.announce.bind(desk),
    servers: desk.servers.bind(desk),
    metrics: async () => [...(await desk.metrics()), ...familiesOf(workers)],
    async changeServer({ state, deadlineMs = graceMs }) {
      onDraining(state === "draining");
      await (state === "draining" ? workers.drain(deadlineMs) : workers.undrain());
      return { ok: true, value: { state } };
    },
    drains(): readonly DrainView[] {
      const { draining } = workers;
      return draining && draining.left > 0 ? [{ kind: "server", name: id, ...draining }] : [];
    },
  };
}

function familiesOf({ running, restarts }: ChatWorkers): readonly ValueFamily[] {
  const one = (type: "gauge" | "counter", name: string, help: string, value: number): ValueFamily => ({
    name: `chorus_chat_${name}`,
    help,
    type,
    samples: [{ labels: {}, value }],
  });
  return [
    one("gauge", "workers", "Workers that serve clients.", running),
    one(
      "counter",
      "worker_restarts_total",
      "Workers that were started in the place of one that ended.",
      restarts,
    ),
  ];
}
