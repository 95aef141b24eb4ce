import { type Login, stored } from "../account/accounts.ts";
import { Delivery } from "../delivery/delivery.ts";
import { notify } from "../notice.ts";
import { ProtocolError } from "../protocol.ts";
import type { Online, Session } from "../session/session.ts";
import type { Unread } from "../store/mod.ts";
import type { LoginRequest, LogoutRequest, PasswordRequest, RegisterRequest } from "./request.ts";

/** Makes an account. @throws {ProtocolError} */
export async function register(session: Session, request: RegisterRequest): Promise<void> {
  const { id, name, password } = request;
  const { accounts, registerWaitMs } = session.context;
  const user = await accounts.register(name, password, async () => {
    const retryMs = await registerWaitMs(session.link.host);
    if (retryMs > 0)
      throw new ProtocolError("rate_limited", "too many new accounts from this address", { retryMs });
  });
  session.write({ type: "ok", id: id ?? undefined, user });
}

/** How far before the server's clock a number of a login may be, in milliseconds. */
const DAY_MS = 86_400_000;

/** Logs in, and lets the messages flow. @throws {ProtocolError} */
export async function login(session: Session, request: LoginRequest): Promise<void> {
  const { phase, context } = session;
  if (phase.name === "online")
    throw new ProtocolError("forbidden", `this connection is logged in as ${phase.user}; log out first`);
  // Of a frame with neither, parsing has made a bad one.
  const { token, name, password } = request;
  if (typeof token === "string") {
    await context.logins.run(() => loginByToken(session, request, token));
    return;
  }
  // A password has its own line to stand in: whoever waits there takes nobody's turn.
  const { host } = session.link;
  const found = await context.accounts.loginByPassword({ name: name ?? "", password: password ?? "", host });
  await context.logins.run(() => enter(session, request, found));
}

async function loginByToken(session: Session, request: LoginRequest, token: string): Promise<void> {
  if (!isWaiting(session)) return;
  await enter(session, request, await session.context.accounts.loginByToken(token));
}

/** Whether the client is still there: it may have gone while it waited. */
function isWaiting({ phase }: Session): boolean {
  return phase.name === "guest";
}

async function enter(session: Session, request: LoginRequest, { user, token }: Login): Promise<void> {
  if (!isWaiting(session)) return;
  const { context, link } = session;
  const { store, clock, counters } = context;
  const device = request.device ?? "default";
  const recipient = {
    id: session.id,
    user,
    device,
    link,
    attempt: atMostTomorrow(request.attempt ?? undefined, clock.wallNow()),
    replaced: () => session.close("replaced"),
    loggedOut: () => session.close("operator"),
  };
  const delivery = await Delivery.open(context, recipient, request.cursor ?? undefined);
  // From now on the session is told of what becomes of its token, but not of what has.
  const [unread] = await leaving(delivery, () =>
    Promise.all([stored(store.unread(user)), context.accounts.confirm(token)]),
  );
  if (!isWaiting(session)) {
    await delivery.close();
    return;
  }
  session.enter({ name: "online", user, device, token, since: clock.wallNow(), delivery });
  counters.logins += 1;
  const { epoch, top } = delivery.state;
  session.write({
    type: "ok",
    id: request.id ?? undefined,
    user,
    token,
    server: context.server,
    device,
    epoch,
    inbox: top,
    resumed: delivery.isResumed,
    unread: byConversation(unread),
  });
  delivery.release();
  context.loggedIn(session);
}

/** However large a number a client takes, there is one left for those after it, who go by their clocks. */
function atMostTomorrow(attempt: number | undefined, now: number): number | undefined {
  return attempt === undefined ? undefined : Math.min(attempt, now + DAY_MS);
}

/** Does something, and closes the delivery if it fails. */
async function leaving<T>(delivery: Delivery, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await delivery.close();
    throw error;
  }
}

function byConversation(unread: readonly Unread[]): Readonly<Record<string, number>> {
  return Object.fromEntries(unread.map(({ conversation, count }) => [conversation, count]));
}

/** Ends this login, or all of the user. @throws {ProtocolError} */
export async function logout(
  session: Session,
  { user, token }: Online,
  { id, all }: LogoutRequest,
): Promise<void> {
  const { accounts, bus } = session.context;
  if (all) await accounts.forgetAll(user);
  else await accounts.forget(token);
  session.enter({ name: "guest" });
  session.write({ type: "ok", id: id ?? undefined });
  if (all) notify(bus, user, { type: "logged_out" });
}

/** Changes the password, and ends every other session of the user. @throws {ProtocolError} */
export async function changePassword(
  session: Session,
  { user, device }: Online,
  { id, old, new: password }: PasswordRequest,
): Promise<void> {
  const { accounts, bus } = session.context;
  const { host } = session.link;
  const { token } = await accounts.changePassword({ name: user, password: old, host }, password, device);
  session.renewToken(token);
  session.write({ type: "ok", id: id ?? undefined, token });
  notify(bus, user, { type: "logged_out", except: session.id });
}
