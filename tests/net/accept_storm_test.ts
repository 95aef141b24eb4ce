import { once } from "node:events";
import { connect } from "node:net";
import { assert, assertEquals } from "@std/assert";
import { nodeDriver, systemDriver } from "../../src/net/mod.ts";
import { test } from "../testing.ts";

const DRIVERS = { nodeDriver: nodeDriver(), systemDriver: systemDriver() };

/** Connects and resets at once. */
async function knockAndRun(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.on("connect", () => socket.resetAndDestroy());
  await once(socket, "close");
}

for (const [name, driver] of Object.entries(DRIVERS)) {
  test(`clients that reset while they are accepted hold up nobody and are no failure of the listener (${name})`, async () => {
    const errors: Error[] = [];
    const onError = (error: Error): void => void errors.push(error);
    await using listener = await driver.listen(
      { host: "127.0.0.1", port: 0 },
      (connection) => ({
        data: (_, chunk) => void connection.write(chunk),
        end: () => connection.end(),
        close: () => undefined,
      }),
      { onError },
    );
    assert("port" in listener.address);
    const { port } = listener.address;
    const started = performance.now();
    for (let round = 0; round < 10; round++)
      await Promise.all(Array.from({ length: 20 }, () => knockAndRun(port)));
    const client = connect(port, "127.0.0.1");
    client.write("still there?");
    const [answer] = await once(client, "data");
    assertEquals([String(answer), errors], ["still there?", []]);
    assert(performance.now() - started < 5000, "200 clients that leave were to take no time");
    client.end();
    await once(client, "close");
  });
}
