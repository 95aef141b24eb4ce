/**
 * Where connection handlers run: worker and child processes.
 *
 * @module
 */
export type { Channel, TopicHandler } from "./channel.ts";
export { type Child, type Exit, startChild } from "./child.ts";
export { type HandOver, type HandOverHandler, handOver, takeConnections } from "./hand_over.ts";
export { parentChannel } from "./process_channel.ts";
export { type Supervised, type SupervisorOptions, supervise } from "./supervisor.ts";
