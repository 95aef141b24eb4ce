import { ProtocolError } from "../protocol.ts";
import type { Online, Session } from "../session/session.ts";
import { changePassword, login, logout, register } from "./account_requests.ts";
import { answerFriend } from "./friend_requests.ts";
import { answerGroup } from "./group_requests.ts";
import { ack, history, listConversations, read, send, sync } from "./message_requests.ts";
import type { PingRequest, Request } from "./request.ts";
import { answerSignal } from "./signal_requests.ts";

/** Answers a request, see {@linkcode Answer}. What happens most is asked for first. */
export function answer(session: Session, request: Request): Promise<void> | undefined {
  switch (request.type) {
    case "send":
      return send(session, online(session), request);
    case "ack":
      return ack(online(session), request);
    case "signal":
      return answerSignal(session, online(session), request);
    case "ping":
      return ping(session, request);
    case "register":
      return register(session, request);
    case "login":
      return login(session, request);
    case "logout":
      return logout(session, online(session), request);
    case "password":
      return changePassword(session, online(session), request);
    case "sync":
      return sync(session, online(session), request);
    case "history":
      return history(session, online(session), request);
    case "read":
      return read(session, online(session), request);
    case "conversation.list":
      return listConversations(session, online(session), request);
    case "friend.request":
    case "friend.accept":
    case "friend.remove":
    case "friend.block":
    case "friend.unblock":
    case "friend.list":
      return answerFriend(session, online(session), request);
    case "group.create":
    case "group.join":
    case "group.leave":
    case "group.delete":
    case "group.invite":
    case "group.remove":
    case "group.list":
    case "group.members":
      return answerGroup(session, online(session), request);
  }
}

function online(session: Session): Online {
  if (session.phase.name === "online") return session.phase;
  throw new ProtocolError("not_logged_in", "log in first");
}

function ping(session: Session, { id }: PingRequest): undefined {
  const { server, status } = session.context;
  session.write({
    type: "pong",
    id: id ?? undefined,
    server,
    ...(session.isTrusted && status()),
  });
}
