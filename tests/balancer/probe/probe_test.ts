import { assert, assertEquals, assertRejects } from "@std/assert";
import { monitor } from "../../../src/balancer/heartbeat/monitor.ts";
import type { Backend } from "../../../src/balancer/pool/backend.ts";
import { createPool } from "../../../src/balancer/pool/pool.ts";
import { tcpProbe } from "../../../src/balancer/probe/mod.ts";
import {
  type Address,
  type Listener,
  NetError,
  nodeDriver,
  openHandles,
  systemDriver,
} from "../../../src/net/mod.ts";
import { test } from "../../testing.ts";
import { reaches } from "../pool/pools.ts";

const drivers = { nodeDriver: nodeDriver(), systemDriver: systemDriver() };
const { signal: never } = new AbortController();

const free: Address = { host: "127.0.0.1", port: 0 };

/** A server that takes connections and lets them be. */
function serve(address: Address, onAccept?: () => void): Promise<Listener> {
  return drivers.nodeDriver.listen(address, (connection) => {
    onAccept?.();
    return { data: () => undefined, end: () => connection.end(), close: () => undefined };
  });
}

function backendAt(address: Address): Backend {
  return createPool({ name: "default", policy: "round-robin" }).add({ address });
}

for (const [name, driver] of Object.entries(drivers)) {
  const probe = tcpProbe(driver);

  test(`tcpProbe(${name}) resolves where somebody listens, and hangs up in order`, async () => {
    const accepted = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<string>();
    await using server = await drivers.nodeDriver.listen(free, (connection) => {
      accepted.resolve();
      return {
        data: () => undefined,
        end: () => connection.end(),
        close: (_, reason) => closed.resolve(reason),
      };
    });
    await probe(backendAt(server.address), { signal: never, timeoutMs: 5000 });
    await accepted.promise;
    assertEquals(await closed.promise, "finished");
  });

  test(`tcpProbe(${name}) rejects with refused where nobody listens`, async () => {
    const server = await serve(free);
    await server.close();
    const refused = probe(backendAt(server.address), { signal: never, timeoutMs: 5000 });
    const error = await assertRejects(() => refused, NetError);
    assertEquals(error.code, "refused");
  });

  test(`tcpProbe(${name}) rejects with the reason of its signal, and leaves no socket open`, async () => {
    await using server = await serve(free);
    const before = openHandles();
    const controller = new AbortController();
    const probing = probe(backendAt(server.address), { signal: controller.signal, timeoutMs: 5000 });
    controller.abort(new RangeError("enough"));
    await assertRejects(() => probing, RangeError, "enough");
    assert(openHandles() <= before + 2);
  });
}

test("a monitor with tcpProbe brings a server up, down when it stops, and up again when it is back", async () => {
  const pool = createPool({ name: "default", policy: "round-robin", heartbeat: { intervalMs: 40 } });
  await using _monitor = monitor({ pool, probe: tcpProbe(drivers.systemDriver) });
  const first = await serve(free);
  pool.add({ address: first.address });
  await reaches(pool, "up");
  await first.close();
  await reaches(pool, "down");
  await using _second = await serve(first.address);
  await reaches(pool, "up");
});
