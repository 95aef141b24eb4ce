/**
 * The chat cluster: protocol, sessions, accounts, delivery; the server and the client.
 *
 * @module
 */
export { ChatClient, connectChat } from "./client/chat_client.ts";
export type { Dial, DialHandler, ServerLink } from "./client/dial.ts";
export { ChatError } from "./client/errors.ts";
export { Exchange, type ExchangeHandler, type Frame } from "./client/exchange.ts";
export type { ChatClientHandler, ChatClientOptions, ClientEnd, Credentials } from "./client/options.ts";
export type { Sent } from "./client/outbox.ts";
export type { ChatMessage } from "./client/reader.ts";
export { tcpDial } from "./client/tcp_dial.ts";
export { type ChatLimits, DEFAULT_LIMITS } from "./limits.ts";
export {
  type ClosingReason,
  type Cursor,
  type ErrorCode,
  MAX_CLIENT_FRAME_BYTES,
  MAX_SERVER_FRAME_BYTES,
  MAX_TEXT_BYTES,
  ProtocolError,
} from "./protocol.ts";
export { type ChatServer, type ChatServerOptions, startChatServer } from "./server.ts";
export * from "./store/mod.ts";
