import { type Address, formatAddress, type TcpAddress } from "../net/mod.ts";
import { UsageError } from "./errors.ts";
import { addressOrNone, repeated } from "./flag_kinds.ts";
import { type Flag, Wrong } from "./flags.ts";

/** What the flags for the HTTP and WebSocket side came to. */
export interface WebValues {
  readonly web: TcpAddress | "none";
  readonly "web-origin": readonly string[];
}

/** The HTTP and WebSocket side as a server is started with it. */
export interface WebSettings {
  readonly listen: TcpAddress;
  readonly origins: readonly string[];
}

/** Where browsers connect. */
export const webFlag: Flag<TcpAddress | "none"> = {
  ...addressOrNone("where browsers connect: the chat page, and WebSockets at /ws"),
  parse(found) {
    const parsed = addressOrNone("").parse(found);
    if (parsed === "none" || parsed instanceof Wrong || "host" in parsed) return parsed;
    return new Wrong(`"${found}" is not a TCP address; write HOST:PORT or none`);
  },
};

/** Whose pages may connect. */
export const webOriginFlag: Flag<string> & { readonly repeated: true } = repeated({
  value: "URL",
  help: "a site whose pages may open WebSockets, such as https://chat.example.org, and then no other (default: the pages of the host that is asked)",
  parse(found) {
    const url = URL.parse(found);
    const isSite =
      url !== null && /^https?:$/.test(url.protocol) && (found === url.origin || found === url.href);
    if (isSite && url.href === `${url.origin}/`) return url.origin;
    return new Wrong(
      `"${found}" is not a site; write http://HOST or https://HOST, with :PORT where it has one`,
    );
  },
});

/** @throws {UsageError} When sites are named, and nobody listens for their pages. */
export function webSettings({ web, "web-origin": origins }: WebValues): WebSettings | undefined {
  if (web !== "none") return { listen: web, origins };
  if (origins.length === 0) return undefined;
  throw new UsageError("--web-origin: give --web HOST:PORT with it");
}

/** Where balancers reach the HTTP side of a server: at the host by which they reach it over TCP, where that has one. */
export function advertisedWeb(web: Address, tcp: Address): string {
  if (!("port" in web && "host" in tcp)) return formatAddress(web);
  return formatAddress({ host: tcp.host, port: web.port });
}
