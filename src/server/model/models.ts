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
 * import { systemDriver } from "../../net/mod.ts";
 * import { models } from "./models.ts";
 *
 * // Most often: new URL("./greeter.ts", import.meta.url).href
 * const code = `export const accept = (connection) => {
 *   connection.write(new TextEncoder().encode("hello"));
 *   return { data() {}, end: () => connection.end(), close() {} };
 * };`;
 * const handler = `data:text/javascript;base64,${btoa(code)}`;
 * await using server = await models.iterative(handler, { listen: { host: "127.0.0.1", port: 0 } });
 * const greeting = await new Promise((resolve) => {
 *   const data = (connection, chunk) => {
 *     connection.end();
 *     resolve(new TextDecoder().decode(chunk));
 *   };
 *   void systemDriver().connect(server.address, { data, close() {} });
 * });
 * assert.equal(greeting, "hello");
 * ```
 */
export const models: Readonly<Record<ModelName, Model>> = {
  iterative,
  "process-per-connection": processPerConnection,
  "thread-per-connection": threadPerConnection,
  "reactors-in-threads": reactorsInThreads,
  "reactors-in-processes": reactorsInProcesses,
};
