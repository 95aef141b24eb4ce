import { Buffer } from "node:buffer";
import { connectDatagram, formatAddress, NetError } from "../../net/mod.ts";
import type { Probe } from "./contract.ts";

/** Options for {@linkcode udpProbe}. */
export interface UdpProbeOptions {
  /** What is sent, as one datagram. */
  readonly send: string;
  /** What a datagram in answer must hold. @default {any datagram is an answer} */
  readonly expect?: string | undefined;
}

/**
 * A probe that sends a datagram and waits for one in answer; others that come meanwhile count for nothing.
 *
 * Where nobody listens, the system says so at once on Node and Bun; on Deno that is silence, too.
 *
 * @example A game server that answers lives
 * ```ts
 * import assert from "node:assert/strict";
 * import { createPool, monitor, udpProbe } from "chorus";
 *
 * using pool = createPool({ name: "games", policy: "ip-hash" });
 * const backend = pool.add({ address: { host: "127.0.0.1", port: 27015 } });
 * const up = Promise.withResolvers<void>();
 * await using _ = monitor({ pool, probe: udpProbe({ send: "echo", expect: "echo" }), onChange: () => up.resolve() });
 * await up.promise;
 * assert.equal(backend.state(), "up");
 * ```
 */
export function udpProbe({ send, expect }: UdpProbeOptions): Probe {
  const payload = Buffer.from(send);
  const expected = Buffer.from(expect ?? "");
  return async ({ address }, { signal, timeoutMs }) => {
    if (!("host" in address))
      throw new NetError("unsupported", `Cannot probe ${formatAddress(address)} by udp: it is a unix socket`);
    const over = AbortSignal.any([signal, AbortSignal.timeout(2 * timeoutMs)]);
    over.throwIfAborted();
    const { promise: answered, resolve, reject } = Promise.withResolvers<void>();
    // It may be refused before anybody waits for it.
    answered.catch(() => undefined);
    const socket = await connectDatagram(address, {
      message: (datagram) => {
        if (Buffer.from(datagram).includes(expected)) resolve();
      },
      error: reject,
    });
    const onOver = (): void => reject(over.reason);
    over.addEventListener("abort", onOver, { once: true });
    try {
      over.throwIfAborted();
      socket.send(payload);
      await answered;
      return {};
    } finally {
      over.removeEventListener("abort", onOver);
      await socket.close();
    }
  };
}
