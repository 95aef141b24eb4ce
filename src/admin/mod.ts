/**
 * What operators see, over HTTP. Shows what it is handed; knows no product.
 *
 * @module
 */
export { type AdminOptions, type AdminServer, type HealthReport, startAdmin } from "./server.ts";
