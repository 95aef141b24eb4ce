import { Buffer } from "node:buffer";
import { stored } from "../account/accounts.ts";
import { channelOf } from "../notice.ts";
import { normalizeGroup, normalizeName, ProtocolError } from "../protocol.ts";
import type { Online, Session } from "../session/session.ts";
import type { SignalRequest } from "./request.ts";
import type { NoRoute } from "./signal_routes.ts";

/**
 * Passes a signal on, to every session of a user or of a group's members on every server: at most once, and not to the session that sends.
 *
 * Answered only when it has an id.
 *
 * @returns Nothing to wait for when it is known who may signal to whom.
 * @throws {ProtocolError}
 */
export function answerSignal(
  session: Session,
  { user }: Online,
  request: SignalRequest,
): Promise<void> | undefined {
  session.takeMessageToken();
  return request.to.startsWith("#")
    ? toGroup(session, user, normalizeGroup(request.to), request)
    : toUser(session, user, normalizeName(request.to), request);
}

function toUser(
  session: Session,
  user: string,
  to: string,
  request: SignalRequest,
): Promise<void> | undefined {
  const { signals } = session.context;
  const send = (): void => publish(session, user, to, [channelOf(to)], request);
  if (signals.mayReach(user, to)) {
    send();
    return undefined;
  }
  return stored(signals.findUser(user, to)).then((refusal) => {
    if (refusal) throw refused(refusal, to);
    send();
  });
}

function toGroup(
  session: Session,
  user: string,
  group: string,
  request: SignalRequest,
): Promise<void> | undefined {
  const { signals } = session.context;
  const known = signals.groupChannels(user, group);
  if (known) {
    publish(session, user, group, known.values(), request);
    return undefined;
  }
  return stored(signals.findGroup(user, group)).then((found) => {
    if (typeof found === "string") throw refused(found, group);
    publish(session, user, group, found.values(), request);
  });
}

function publish(
  session: Session,
  user: string,
  to: string,
  channels: Iterable<string>,
  { id, data }: SignalRequest,
): void {
  const { bus } = session.context;
  const own = channelOf(user);
  // Names need no quoting. Written once, however many it goes to.
  const line = `{"type":"signal","from":"${user}","to":"${to}","data":${JSON.stringify(data)}}\n`;
  const payload = Buffer.from(`!${line}`);
  for (const channel of channels) {
    bus.publish(channel, channel === own ? Buffer.from(`@${session.id}\n${line}`) : payload);
  }
  if (id !== undefined && id !== null) session.write({ type: "ok", id });
}

function refused(reason: NoRoute, to: string): ProtocolError {
  switch (reason) {
    case "unknown_user":
      return new ProtocolError("unknown_user", `there is no user ${to}`);
    case "blocked":
      return new ProtocolError("forbidden", `${to} has blocked you`);
    case "unknown_group":
      return new ProtocolError("unknown_group", `there is no group ${to}`);
    case "not_member":
      return new ProtocolError("not_member", `you are not a member of ${to}`);
  }
}
