import { assert, assertEquals, assertRejects } from "@std/assert";
import { Workers } from "../../../src/balancer/mod.ts";
import { type Address, NetError, systemDriver } from "../../../src/net/mod.ts";
import { test } from "../../testing.ts";
import { poolAt } from "../frontend/frontends.ts";

const ANY_PORT: Address = { host: "127.0.0.1", port: 0 };

/** Tries to listen where somebody else might. */
async function listen(address: Address): Promise<void> {
  const listener = await systemDriver().listen(address, () => {
    throw new Error("nobody connects");
  });
  await listener.close();
}

test("a port that workers are to share is nobody else's from when it is chosen until they have ended", async () => {
  const unwanted = (): never => {
    throw new Error("no worker is started");
  };
  await using workers = new Workers({
    ...{ count: 2, areThreads: false, nodeId: "n", graceMs: 0, program: undefined },
    ...{ start: unwanted, onLost: unwanted, onHang: unwanted, onRestart: unwanted, onError: unwanted },
  });
  using pool = poolAt([]);
  const options = { listen: ANY_PORT, pool, driver: systemDriver() };
  const one = await workers.startStream(options);
  const other = await workers.startStream(options);
  assert("port" in one.address && "port" in other.address);
  assert(one.address.port !== 0 && one.address.port !== other.address.port);
  for (const { address } of [one, other]) {
    const { code } = await assertRejects(() => listen(address), NetError);
    assertEquals(code, "in_use");
  }
  await workers.stop(0);
  for (const { address } of [one, other]) await listen(address);
});
