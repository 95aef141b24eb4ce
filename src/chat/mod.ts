/**
 * The chat cluster: protocol, sessions, accounts, delivery; the server and the client.
 *
 * @module
 */

export { openTokenVerifier, type TokenVerifierOptions } from "./account/jwt.ts";
export { MAX_LOGIN_FAILURES } from "./account/login_throttle.ts";
export { PASSWORD_COST, PASSWORD_COSTS } from "./account/password.ts";
export type { TokenVerifier } from "./account/token_verifier.ts";
export { type Admission, type AdmissionOptions, type Guest, localAdmission } from "./admission/admission.ts";
export { type AdmissionHub, admissionHub } from "./admission/admission_hub.ts";
export { channelAdmission } from "./admission/channel_admission.ts";
export { ChatClient, connectChat } from "./client/chat_client.ts";
export type { Credentials, CredentialsSource } from "./client/credentials.ts";
export type { Dial, DialHandler, ServerLink } from "./client/dial.ts";
export { ChatError } from "./client/errors.ts";
export type {
  AnnouncementEvent,
  EventHandler,
  FriendEvent,
  GroupEvent,
  PresenceEvent,
  ReceiptEvent,
  SignalEvent,
} from "./client/events.ts";
export { Exchange, type ExchangeHandler, type Frame } from "./client/exchange.ts";
export type { Friends, FriendView } from "./client/friends.ts";
export type { Groups, GroupView, MemberView, PageRequest } from "./client/groups.ts";
export type { ConversationView, History, HistoryPage } from "./client/history.ts";
export type { ChatClientHandler, ChatClientOptions, ClientEnd } from "./client/options.ts";
export type { Posted, Sent } from "./client/outbox.ts";
export type { ChatMessage } from "./client/reader.ts";
export type { ShownMessage } from "./client/recent.ts";
export { type RegisterOptions, registerChat } from "./client/register.ts";
export { tcpDial } from "./client/tcp_dial.ts";
export { webSocketDial } from "./client/web_socket_dial.ts";
export type { ChatCounters } from "./counters.ts";
export type { ServerDrain } from "./draining.ts";
export { type ChatLimits, DEFAULT_LIMITS } from "./limits.ts";
export * from "./presence/mod.ts";
export {
  type ClosingReason,
  type Cursor,
  type ErrorCode,
  MAX_CLIENT_FRAME_BYTES,
  MAX_SERVER_FRAME_BYTES,
  MAX_TEXT_BYTES,
  ProtocolError,
  pairOf,
  peerOf,
  type ServerFrame,
} from "./protocol.ts";
export { type ChatServer, type ChatServerOptions, startChatServer, type WebOptions } from "./server.ts";
export type { SessionControl, SessionView as ChatSessionView } from "./session/session_control.ts";
export * from "./store/mod.ts";
