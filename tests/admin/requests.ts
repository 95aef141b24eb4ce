/**
 * An admin server over a control that the test gives it, and requests as they are written.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { type AdminOptions, type AdminServer, type Control, startAdmin } from "../../src/admin/mod.ts";
import { withDeadline } from "../../src/async/mod.ts";
import { type Address, formatAddress } from "../../src/net/mod.ts";
import { DEADLINE_MS } from "../helpers.ts";

/** Any free port of the loopback. */
export const LISTEN = { host: "127.0.0.1", port: 0 };

/** What every control has. */
export const HEALTHY = { health: () => ({ healthy: true, role: "balance" }) };

/** Starts an admin server. */
export function startWith(control: Partial<Control>, more: Partial<AdminOptions> = {}): Promise<AdminServer> {
  return startAdmin({ listen: LISTEN, control: { ...HEALTHY, ...control }, ...more });
}

/** The address of a path. */
export function urlOf(admin: AdminServer, path = ""): string {
  return `http://${formatAddress(admin.address)}${path}`;
}

/** An answer: its status and the JSON of its body. */
export type Told = readonly [status: number, body: unknown];

/** Asks for a change as programs do, and gives the status and the JSON of the answer. */
export async function change(
  admin: AdminServer,
  method: string,
  path: string,
  body?: unknown,
): Promise<Told> {
  const response = await fetch(urlOf(admin, path), {
    method,
    headers: { "content-type": "application/json" },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return [response.status, await response.json()];
}

/** Reads a path, and gives the status and the JSON of the answer. */
export async function read(admin: AdminServer, path: string): Promise<Told> {
  const response = await fetch(urlOf(admin, path));
  return [response.status, await response.json()];
}

/** An answer as it came. */
export interface Answer {
  readonly status: number;
  /** The head in lower case. */
  readonly head: string;
  readonly body: string;
}

/** Sends a request as it is written, and reads until the server closes. `fetch` would choose Host and Origin itself. */
export async function ask(address: Address, request: string): Promise<Answer> {
  if (!("port" in address)) throw new TypeError("Cannot ask: not a TCP address");
  const socket = connect({ host: address.host, port: address.port });
  socket.write(request);
  const chunks: Buffer[] = [];
  const over = new Promise<void>((resolve, reject) => {
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("end", resolve);
    socket.on("error", reject);
  });
  await withDeadline(over, DEADLINE_MS, "read the answer");
  socket.destroy();
  const [head = "", body = ""] = Buffer.concat(chunks).toString().split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), head: head.toLowerCase(), body };
}

/** A request for a path, as a program would make it. */
export function requestFor(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body = "",
): string {
  const all = { Host: "localhost", ...headers, Connection: "close", "Content-Length": String(body.length) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/1.1`, ...lines, "", body].join("\r\n");
}
