import { execFileSync } from "node:child_process";
import { assert, assertEquals } from "@std/assert";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { STORES, startCluster } from "./clusters.ts";

const SENDS = 608;
const TEXT_BYTES = 32_000;
const DEVICES = 15;
/** Devices that read again at the end. */
const READERS = 2;
/** Well below what a server would hold that kept everything for everybody. */
const MAX_GROWTH_BYTES = SENDS * TEXT_BYTES * DEVICES * 0.7;

for (const store of STORES) {
  test(`clients that do not read leave their server's memory flat, are told so, and get everything once they read (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using ada = await RawClient.login(cluster.at(0), "ada");
    await using stack = new AsyncDisposableStack();
    const first = stack.use(await RawClient.login(cluster.at(1), "bob", { device: "slow-0" }));
    const devices = [first];
    const token = first.frames.find((frame) => frame.token !== undefined)?.token;
    for (let index = 1; index < DEVICES; index++) {
      const device = stack.use(await RawClient.connect(cluster.at(1)));
      devices.push(device);
      assertEquals((await device.ask({ type: "login", token, device: `slow-${index}` })).type, "ok");
    }
    const servers = new Set(devices.map(serverOf));
    const before = memoryOf([...servers].map((server) => cluster.pidOf(server)));
    for (const device of devices) device.connection.pause();

    const text = "x".repeat(TEXT_BYTES);
    for (let sent = 0; sent < SENDS; ) {
      const lot = Array.from({ length: 16 }, () => ada.ask({ type: "send", to: "bob", text }));
      for (const { type } of await Promise.all(lot)) assertEquals(type, "ok");
      sent += lot.length;
    }
    const grown = memoryOf([...servers].map((server) => cluster.pidOf(server))) - before;
    assert(grown < MAX_GROWTH_BYTES, `the servers have grown by ${Math.round(grown / 1_000_000)} MB`);

    const wanted = Array.from({ length: SENDS }, (_, index) => index + 1);
    for (const device of devices.slice(0, READERS)) {
      device.connection.resume();
      assertEquals(
        (await device.hasMessages(SENDS)).map(({ inbox }) => inbox),
        wanted,
      );
      const lag = device.frames.find(({ type }) => type === "lag");
      // Beyond what the system took for it, only a little waits for it: the rest stays in its inbox.
      assert(Number(lag?.inbox) < SENDS / 2, `it was sent ${lag?.inbox} before it read`);
    }
  });
}

function serverOf(client: RawClient): string {
  return String(client.frames.find(({ server }) => server !== undefined)?.server);
}

/** Memory of processes that is in use, in bytes. */
function memoryOf(pids: readonly number[]): number {
  const table = execFileSync("ps", ["-o", "rss=", "-p", pids.join(",")], { encoding: "utf8" });
  return table
    .trim()
    .split("\n")
    .reduce((sum, line) => sum + Number(line) * 1024, 0);
}
