/**
 * What operators see and change, over HTTP. Shows what it is handed; knows no product.
 *
 * @module
 */
export type * from "./contract.ts";
export type * from "./metric_contract.ts";
export {
  type AdminChange,
  type AdminHandler,
  type AdminOptions,
  type AdminServer,
  startAdmin,
} from "./server.ts";
export type * from "./session_contract.ts";
export { AdminToken } from "./token.ts";
