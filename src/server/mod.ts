/**
 * Where connection handlers run: worker and child processes.
 *
 * @module
 */
export type { Channel, TopicHandler } from "./channel.ts";
export { type Child, type Heap, startChild } from "./child.ts";
export { type HandOver, type HandOverHandler, handOver, takeConnections } from "./hand_over.ts";
export type {
  HandlerModule,
  Model,
  ModelName,
  ModelOptions,
  ModelServer,
} from "./model/contract.ts";
export { Crew, type CrewOptions, type Progress } from "./model/crew.ts";
export { hearReady } from "./model/employ.ts";
export { HeldPorts } from "./model/held_ports.ts";
export { models } from "./model/models.ts";
export { fromSent, type Ready, type SentError, TOPICS, toSent } from "./model/orders.ts";
export { findFree } from "./model/reactors.ts";
export { endWithParent } from "./model/worker_life.ts";
export { type PageFile, pageFile, sendPageFile } from "./page_file.ts";
export { type PageModule, type PageModulesOptions, pageModules } from "./page_modules.ts";
export { PAGE_POLICY } from "./page_policy.ts";
export { parentChannel } from "./process_channel.ts";
export { isOwnOrigin, requestUrl } from "./request_url.ts";
export { type Supervised, type SupervisorOptions, supervise } from "./supervisor.ts";
export { parentThread, startThread, type Thread, type ThreadChannel } from "./thread.ts";
export { type Hang, type WatchOptions, wordsOfHang } from "./watch.ts";
export type { End, Exit, Worker } from "./worker.ts";
