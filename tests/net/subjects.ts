import { bunDriver, type DriverOptions, denoDriver, memoryNetwork, nodeDriver } from "../../src/net/mod.ts";
import { RUNTIME } from "../testing.ts";
import { RESETS, RESETS_ENDED } from "./break_conformance.ts";
import { LARGE_ANSWER } from "./end_conformance.ts";
import { hangingListener } from "./hanging.ts";
import type { Subject } from "./subject.ts";

/** Why a driver has a gap for {@linkcode LARGE_ANSWER}. */
export const HALF_CLOSE_BUG: string =
  "node:net on Deno fails a write that has to wait once the other side has ended (denoland/deno#33860)";
const node: Subject = {
  name: "node",
  gaps: RUNTIME === "deno" ? { [LARGE_ANSWER]: HALF_CLOSE_BUG } : {},
  make: (options) => ({ driver: nodeDriver(options), hang: hangingListener }),
};

const bun: Subject = {
  name: "bun",
  gaps: {},
  make: (options) => ({ driver: bunDriver(options), hang: hangingListener }),
};

/** Why a driver has a gap for {@linkcode RESETS} and {@linkcode RESETS_ENDED}. */
export const NO_RESET: string = "Deno cannot send a reset: the other side sees the connection end";
const deno: Subject = {
  name: "deno",
  gaps: { [RESETS]: NO_RESET, [RESETS_ENDED]: NO_RESET },
  make: (options) => ({ driver: denoDriver(options), hang: hangingListener }),
};

const MEANINGLESS = "addresses in memory are names without meaning";
const memory: Subject = {
  name: "memory",
  gaps: {
    "not_available: the local address is not of this machine": MEANINGLESS,
    "not_available: the address to listen on is not of this machine": MEANINGLESS,
    "a client that comes by IPv4 to an IPv6 listener has one host": MEANINGLESS,
    "shares a port between listeners that ask for it": "ports are not shared in memory",
    "talks over a unix socket and removes its file": "a path in memory is no file",
    "replaces a unix socket's file whose process is dead": "a path in memory is no file",
  },
  make: makeMemory,
};

function makeMemory(options?: DriverOptions): ReturnType<Subject["make"]> {
  const network = memoryNetwork(options);
  return {
    driver: network.driver,
    async hang() {
      const listener = await network.driver.listen({ host: "10.0.0.1", port: 0 }, (connection) => {
        connection.abort();
        return { data: () => undefined, close: () => undefined };
      });
      network.freeze(listener.address);
      return {
        address: listener.address,
        release: () => network.thaw(listener.address),
        [Symbol.asyncDispose]: () => listener.close(),
      };
    },
  };
}

const NATIVE: Readonly<Record<typeof RUNTIME, readonly Subject[]>> = { node: [], bun: [bun], deno: [deno] };

/** Every driver that exists on this runtime. */
export const SUBJECTS: readonly Subject[] = [node, ...NATIVE[RUNTIME], memory];
