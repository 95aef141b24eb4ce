import type { Credentials } from "../../client/credentials.ts";
import type { Dial } from "../../client/dial.ts";
import { Exchange } from "../../client/exchange.ts";
import { randomId } from "../../client/random_id.ts";
import { webSocketDial } from "../../client/web_socket_dial.ts";

const LOGIN = "chorus.login";
const LOGGED_OUT = "chorus.out";
const DEVICE = "chorus.device";
const REGISTER_MS = 15_000;

/** A login that this browser remembers. */
export interface Remembered {
  readonly user: string;
  readonly token: string;
}

/** Dials the server that the page is from. */
export function dialHome(): Dial {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return webSocketDial([`${scheme}//${location.host}/ws`]);
}

/** Makes an account. @throws {ChatError} When the server refuses. */
export async function register({ name, password }: Extract<Credentials, { name: string }>): Promise<void> {
  const ignore = { event: () => undefined, heard: () => undefined };
  const exchange = await Exchange.open(dialHome(), ignore, AbortSignal.timeout(REGISTER_MS));
  try {
    await exchange.request({ type: "register", name, password });
  } finally {
    exchange.close();
  }
}

/** The login that an earlier page of this browser has left. */
export function recall(): Remembered | undefined {
  try {
    const found = JSON.parse(localStorage.getItem(LOGIN) ?? "null");
    return typeof found?.token === "string" ? { user: String(found.user), token: found.token } : undefined;
  } catch {
    // What is not ours, or not readable: one logs in again.
    return undefined;
  }
}

/** Leaves the login to later pages of this browser, or takes it away from them. */
export function remember(login: Remembered | undefined): void {
  try {
    if (login) localStorage.setItem(LOGIN, JSON.stringify(login));
    else localStorage.removeItem(LOGIN);
  } catch {
    // A browser that keeps nothing: one logs in again.
  }
}

/** Takes a login away from later pages that is worth nothing, unless another tab has left one of its own meanwhile. */
export function forget(token: string): void {
  if (recall()?.token === token) remember(undefined);
}

/** Takes the login of a user away from later pages, and tells the other tabs of this browser. */
export function logOut(user: string): void {
  // Another tab may have left the login of somebody else.
  if (recall()?.user === user) remember(undefined);
  try {
    // Told by a name of its own: a login that is worthless is taken away, too, and puts out nobody who has a newer one.
    localStorage.setItem(LOGGED_OUT, user);
    localStorage.removeItem(LOGGED_OUT);
  } catch {
    // A browser that keeps nothing: each tab has a login of its own.
  }
}

/** Calls back when a user logs out in another tab of this browser. @returns Ends it. */
export function onLoggedOut(user: string, callback: () => void): () => void {
  return onStored(LOGGED_OUT, (value) => {
    if (value === user) callback();
  });
}

/** Calls back when another tab of this browser has left a login, or leaves one. @returns Ends it. */
export function onRemembered(callback: () => void): () => void {
  if (recall()) callback();
  return onStored(LOGIN, callback);
}

/** Calls back for what another tab keeps under a name. @returns Ends it. */
function onStored(name: string, callback: (value: string) => void): () => void {
  const look = ({ key, newValue }: StorageEvent): void => {
    if (key === name && newValue !== null) callback(newValue);
  };
  addEventListener("storage", look);
  return () => removeEventListener("storage", look);
}

/** What names this tab: each is a device of its own, and remains one when it is loaded again. */
export function deviceName(): string {
  try {
    const known = sessionStorage.getItem(DEVICE);
    if (known !== null) return known;
    const made = `web-${randomId()}`;
    sessionStorage.setItem(DEVICE, made);
    return made;
  } catch {
    return `web-${randomId()}`;
  }
}
