import type { Model, ModelName } from "./contract.ts";
import { iterative } from "./iterative.ts";
import { processPerConnection } from "./process_per_connection.ts";
import { reactorsInProcesses } from "./reactors_in_processes.ts";
import { reactorsInThreads } from "./reactors_in_threads.ts";
import { threadPerConnection } from "./thread_per_connection.ts";

/**
 * Every server model by its name. A name without a model does not compile.
 *
 * @example A module with a handler, served one connection at a time
 * ```ts
 * import assert from "node:assert/strict";
 * import { models, systemDriver } from "chorus";
 *
 * // Most often: new URL("./greeter.ts", import.meta.url).href
 * const code = `export const accept = (connection) => {
 *   connection.write(new TextEncoder().encode("hello"));
 *   return { data() {}, end: () => connection.end(), close() {} };
 * };`;
 * const handler = `data:text/javascript;base64,${btoa(code)}`;
 * await using server = await models.iterative(handler, { listen: { host: "127.0.0.1", port: 0 } });
 * const greeting = Promise.withResolvers<string>();
 * await systemDriver().connect(server.address, {
 *   data: (connection, chunk) => {
 *     connection.end();
 *     greeting.resolve(new TextDecoder().decode(chunk));
 *   },
 *   close: () => undefined,
 * });
 * assert.equal(await greeting.promise, "hello");
 * ```
 */
export const models: Readonly<Record<ModelName, Model>> = {
  iterative,
  "process-per-connection": processPerConnection,
  "thread-per-connection": threadPerConnection,
  "reactors-in-threads": reactorsInThreads,
  "reactors-in-processes": reactorsInProcesses,
};
