/**
 * Sockets: one contract, a driver for each runtime.
 *
 * @module
 */

export { AcceptGate } from "./accepting.ts";
export { formatAddress, hostOf, isLoopback, networkOf, parseAddress } from "./address.ts";
export { AddressList } from "./address_list.ts";
export { bunDriver } from "./bun_driver.ts";
export { carriedConnection } from "./carried.ts";
export { ChunkQueue } from "./chunk_queue.ts";
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
export {
  bindDatagram,
  connectDatagram,
  type DatagramHandler,
  type DatagramOptions,
  type DatagramSocket,
  MAX_WAITING_BYTES,
} from "./datagram.ts";
export { denoDriver } from "./deno_driver.ts";
export { acceptableConnections, descriptorLimit, openDescriptors } from "./descriptors.ts";
export {
  type DnsAddress,
  type DnsOptions,
  type DnsService,
  isDnsName,
  lookUpAddresses,
  lookUpServices,
} from "./dns.ts";
export { NetError, type NetErrorCode, toNetError } from "./error.ts";
export { heldSockets, openHandles } from "./handles.ts";
export {
  type MemoryNetwork,
  type MemoryNetworkOptions,
  memoryDriver,
  memoryNetwork,
} from "./memory_network.ts";
export { type DriverOptions, nodeDriver } from "./node_driver.ts";
export { type AdoptOptions, adopt, listenPaused, type PausedSocket } from "./paused.ts";
export {
  type Splice,
  type SpliceHandler,
  type SpliceOptions,
  type SpliceReason,
  type SpliceResult,
  splice,
} from "./splice.ts";
export type { MovableTransport, Transport, TransportEvents } from "./stream_connection.ts";
export { systemDriver, tlsCarrierDriver } from "./system_driver.ts";
export {
  type AcceptTlsOptions,
  acceptTls,
  type ConnectTlsOptions,
  connectTls,
  type TlsAccepted,
} from "./tls.ts";
export type { TlsCertificate } from "./tls_certificate.ts";
export { TlsClientContext, type TlsClientOptions } from "./tls_client_context.ts";
export { TlsServerContext, type TlsServerOptions } from "./tls_server_context.ts";
export type { TlsVersion } from "./tls_version.ts";
