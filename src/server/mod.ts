/**
 * Where connection handlers run: worker and child processes.
 *
 * @module
 */
export type { Channel, TopicHandler } from "./channel.ts";
export { type Child, type Exit, startChild } from "./child.ts";
export { parentChannel } from "./process_channel.ts";
