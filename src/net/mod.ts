/**
 * Sockets: one contract, a driver for each runtime.
 *
 * @module
 */
export { formatAddress, hostOf, parseAddress } from "./address.ts";
export {
  type Accept,
  type Address,
  CLOSE_TIMEOUT_MS,
  type CloseReason,
  type Connection,
  type ConnectionHandler,
  type ConnectOptions,
  type Driver,
  type Listener,
  type ListenOptions,
} from "./contract.ts";
export { NetError, type NetErrorCode, toNetError } from "./error.ts";
export { openHandles } from "./handles.ts";
