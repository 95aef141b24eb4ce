/**
 * The HTTP and WebSocket side of a chat server, loaded where it is asked for.
 *
 * @module
 */
export { readPageFiles } from "./page_files.ts";
export { startWebServer } from "./web_server.ts";
