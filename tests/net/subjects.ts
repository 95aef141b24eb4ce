import { bunDriver, type DriverOptions, memoryNetwork, nodeDriver } from "../../src/net/mod.ts";
import { RUNTIME } from "../testing.ts";
import { hangingListener } from "./hanging.ts";
import type { Subject } from "./subject.ts";

const node: Subject = {
  name: "node",
  gaps: {},
  make: (options) => ({ driver: nodeDriver(options), hang: hangingListener }),
};

const bun: Subject = {
  name: "bun",
  gaps: {},
  make: (options) => ({ driver: bunDriver(options), hang: hangingListener }),
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

/** Every driver that exists on this runtime. */
export const SUBJECTS: readonly Subject[] = RUNTIME === "bun" ? [node, bun, memory] : [node, memory];
