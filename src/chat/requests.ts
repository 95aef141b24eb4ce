import { stored } from "./accounts.ts";
import { Delivery, notifyLoggedOut } from "./delivery.ts";
import { MAX_QUEUED_BYTES } from "./limits.ts";
import { encodeFrame, MAX_PAGE, normalizeName, ProtocolError, pairOf, type Request } from "./protocol.ts";
import type { Phase, Session } from "./session.ts";

type Online = Extract<Phase, { name: "online" }>;
type RequestOf<T extends Request["type"]> = Extract<Request, { type: T }>;

/** A page of `history` ends at this many bytes at the latest. */
const HISTORY_BYTES = 131_072;
const DEFAULT_PAGE = 50;

/** Answers a request, see {@linkcode Answer}. */
export function answer(session: Session, request: Request): Promise<void> | undefined {
  switch (request.type) {
    case "ping":
      session.write({
        type: "pong",
        id: request.id ?? undefined,
        server: session.context.server,
        ...(session.isTrusted && session.context.status()),
      });
      return undefined;
    case "register":
      return register(session, request);
    case "login":
      return login(session, request);
    case "logout":
      return logout(session, online(session), request);
    case "send":
      return send(session, online(session), request);
    case "ack":
      online(session).delivery.ack(request.inbox);
      return undefined;
    case "sync":
      return sync(session, online(session), request);
    case "history":
      return history(session, online(session), request);
  }
}

function online(session: Session): Online {
  if (session.phase.name === "online") return session.phase;
  throw new ProtocolError("not_logged_in", "log in first");
}

async function register(session: Session, { id, name, password }: RequestOf<"register">): Promise<void> {
  const { accounts } = session.context;
  normalizeName(name);
  if (!session.context.mayRegister(session.link.host)) {
    throw new ProtocolError("rate_limited", "too many new accounts from this address", { retryMs: 60_000 });
  }
  const user = await accounts.register(name, password);
  session.write({ type: "ok", id: id ?? undefined, user });
}

async function login(session: Session, request: RequestOf<"login">): Promise<void> {
  if (session.phase.name === "online") {
    throw new ProtocolError(
      "forbidden",
      `this connection is logged in as ${session.phase.user}; log out first`,
    );
  }
  const { user, token } = await authenticate(session, request);
  const device = request.device ?? "default";
  const delivery = await Delivery.open(
    session.context,
    {
      user,
      device,
      link: session.link,
      replaced: () => session.close("replaced"),
      loggedOut: () => session.close("operator"),
    },
    request.cursor ?? undefined,
  );
  if (session.phase.name === "closed") {
    await delivery.close();
    return;
  }
  session.enter({ name: "online", user, device, token, delivery });
  const { epoch, top } = delivery.state;
  session.write({
    type: "ok",
    id: request.id ?? undefined,
    user,
    token,
    server: session.context.server,
    device,
    epoch,
    inbox: top,
    resumed: delivery.isResumed,
  });
  delivery.release();
}

async function authenticate(
  session: Session,
  { name, password, token }: RequestOf<"login">,
): Promise<{ user: string; token: string }> {
  const { accounts } = session.context;
  if (typeof token === "string") return await accounts.loginByToken(token);
  if (typeof name === "string" && typeof password === "string")
    return await accounts.loginByPassword(name, password);
  throw new ProtocolError("bad_frame", "login needs a token, or a name and a password");
}

async function logout(
  session: Session,
  { user, token }: Online,
  { id, all }: RequestOf<"logout">,
): Promise<void> {
  const { accounts, bus } = session.context;
  if (all) await accounts.forgetAll(user);
  else await accounts.forget(token);
  session.enter({ name: "guest" });
  session.write({ type: "ok", id: id ?? undefined });
  if (all) notifyLoggedOut(bus, user);
}

function send(
  session: Session,
  { user, device }: Online,
  { id, to, text }: RequestOf<"send">,
): Promise<void> {
  session.takeMessageToken();
  if (to.startsWith("#")) throw new ProtocolError("unknown_group", `there is no group ${groupName(to)}`);
  const receiver = normalizeName(to);
  const conversation = pairOf(user, receiver);
  const { store, clock } = session.context;
  const at = clock.wallNow();
  return stored(store.send({ conversation, from: user, device, id, to: receiver, text, at })).then(
    (result) => {
      switch (result.outcome) {
        case "stored": {
          const { seq, at, duplicate } = result;
          session.write({ type: "ok", id, conversation, seq, at, duplicate, durable: store.durable });
          break;
        }
        case "unknown_user":
          throw new ProtocolError("unknown_user", `there is no user ${receiver}`);
        case "id_reused":
          throw new ProtocolError("id_reused", "this id was used for another text in this conversation");
      }
    },
  );
}

function groupName(name: string): string {
  return `#${normalizeName(name.slice(1))}`;
}

async function sync(session: Session, { user }: Online, request: RequestOf<"sync">): Promise<void> {
  const { store } = session.context;
  const { id, inbox, limit } = request;
  const { epoch, floor, top } = await stored(store.inboxState(user));
  const after = Math.max(inbox, floor);
  if (inbox < floor) session.write({ type: "resync", epoch, inbox: floor, reason: "trimmed" });
  const limits = { count: limit ?? MAX_PAGE, bytes: MAX_QUEUED_BYTES };
  const entries = after < top ? await stored(store.readInbox(user, after, limits)) : [];
  for (const { line } of entries) session.link.write(line);
  const last = entries.at(-1)?.inbox ?? Math.min(after, top);
  session.write({ type: "ok", id: id ?? undefined, inbox: last, more: last < top });
}

async function history(session: Session, { user }: Online, request: RequestOf<"history">): Promise<void> {
  const { id, before, limit } = request;
  if (request.with.startsWith("#")) {
    throw new ProtocolError("unknown_group", `there is no group ${groupName(request.with)}`);
  }
  const conversation = pairOf(user, normalizeName(request.with));
  const limits = { count: limit ?? DEFAULT_PAGE, bytes: HISTORY_BYTES };
  const { entries, more } = await stored(
    session.context.store.readLog(conversation, before ?? undefined, limits),
  );
  session.link.write(encodeFrame({ type: "ok", id: id ?? undefined, messages: entries, more }));
}
