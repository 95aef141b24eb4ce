/**
 * Sockets: one contract, a driver for each runtime.
 *
 * @module
 */

export { formatAddress, hostOf, parseAddress } from "./address.ts";
export { AddressList } from "./address_list.ts";
export { bunDriver } from "./bun_driver.ts";
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
  type TcpAddress,
} from "./contract.ts";
export { denoDriver } from "./deno_driver.ts";
export { NetError, type NetErrorCode, toNetError } from "./error.ts";
export { openHandles } from "./handles.ts";
export {
  type MemoryNetwork,
  type MemoryNetworkOptions,
  memoryDriver,
  memoryNetwork,
} from "./memory_network.ts";
export { type DriverOptions, nodeDriver } from "./node_driver.ts";
export { type AdoptOptions, adopt, listenPaused, type PausedSocket } from "./paused.ts";
export { type Splice, type SpliceOptions, type SpliceReason, type SpliceResult, splice } from "./splice.ts";
export { systemDriver } from "./system_driver.ts";
