import * as v from "valibot";
import type { TlsVersion } from "../../net/mod.ts";
import type { FrontendConfiguration, FrontendTls } from "./contract.ts";
import { address, duration, filePath, line, list, name, networks, whole } from "./kinds.ts";
import { choice, section } from "./section.ts";

/** What the file says of a frontend; files are as they are written there. */
export type FrontendValues = Omit<FrontendConfiguration, "name">;

const CONNECTIONS = { minimum: 1, maximum: 1_000_000_000 };

/** The oldest version of TLS. */
export const tlsVersion: v.GenericSchema<TlsVersion, TlsVersion> = choice(
  ["1.2", "1.3"],
  "The oldest version of TLS that is spoken.",
);

/** Protocols to agree on in the TLS handshake. */
export const alpn: v.GenericSchema<string[], string[]> = list(
  "The application protocols offered in the TLS handshake, the best first, such as `h2`.",
  line("A protocol.", 255),
  16,
);

const certificate = section({
  certificate: filePath("File of the certificate in PEM, followed by those that signed it."),
  key: filePath("File of its private key in PEM, without a passphrase."),
});

const tls: v.GenericSchema<unknown, FrontendTls> = v.pipe(
  section({
    certificates: list(
      "Certificates with their keys. Each serves the server names that it names; the first serves everybody else, too.",
      certificate,
      1000,
    ),
    minVersion: v.optional(tlsVersion, "1.2"),
    alpn: v.optional(alpn),
  }),
  v.description("Ends TLS here: backends get what was inside. Absent: bytes are passed on as they are."),
  v.transform(({ certificates, minVersion, alpn: protocols }) => ({
    certificates,
    minVersion,
    alpn: protocols,
  })),
);

const proxyProtocol = v.pipe(
  section({
    trusted: networks("The balancers that may say who the client is. Others are refused."),
  }),
  v.description(
    "Every connection starts with a PROXY protocol header, version 1 or 2, that says who the client is.",
  ),
);

const access = v.pipe(
  section({
    allow: v.optional(networks("Who may connect. Absent: everybody.")),
    deny: v.optional(networks("Who may not connect, whatever `allow` says.")),
    maxConnections: v.optional(whole("Connections that it has at once. Absent: no limit.", CONNECTIONS)),
    maxConnectionsPerClient: v.optional(
      whole(
        "Connections that one client address has at once; addresses of IPv6 with the same first 64 bits are one. Absent: no limit.",
        CONNECTIONS,
      ),
    ),
  }),
  v.description("Who may connect, and how often."),
  v.transform((found) => ({
    allow: found.allow,
    deny: found.deny,
    maxConnections: found.maxConnections,
    maxConnectionsPerClient: found.maxConnectionsPerClient,
  })),
);

const timeouts = v.pipe(
  section({
    idle: v.optional(
      duration("Closes a connection on which nothing has moved, either way, for so long. TCP only."),
      "1h",
    ),
    halfClose: v.optional(duration("Closes a connection so long after one side has ended. TCP only."), "30s"),
    preread: v.optional(
      duration("The longest wait for first bytes: PROXY header, key. A TLS handshake has 10 s. TCP only."),
      "3s",
    ),
    session: v.optional(duration("Ends a session in which no datagram came for so long. UDP only."), "60s"),
  }),
  v.description("How long it waits."),
  v.transform(({ idle, halfClose, preread, session }) => ({
    idleMs: idle,
    halfCloseMs: halfClose,
    prereadMs: preread,
    sessionMs: session,
  })),
);

/** The schema of one frontend. */
export const frontendSchema: v.GenericSchema<unknown, FrontendValues> = v.pipe(
  section({
    listen: address("Where clients connect: `HOST:PORT`, `[IPV6]:PORT`, or `unix:PATH` for TCP."),
    pool: name("The pool that serves them."),
    transport: v.optional(choice(["tcp", "udp"], "Streams or datagrams."), "tcp"),
    tls: v.optional(tls),
    proxyProtocol: v.optional(proxyProtocol),
    access: v.optional(access, {}),
    timeouts: v.optional(timeouts, {}),
  }),
  v.description("An address to listen on."),
  v.transform((found) => ({ ...found, tls: found.tls, proxyProtocol: found.proxyProtocol })),
);
