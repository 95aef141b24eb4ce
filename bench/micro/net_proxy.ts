/**
 * The process that `net_bench.ts` measures: a proxy of one driver, to a backend on loopback.
 *
 * Arguments: the driver and the backend's port. Says its port, then answers each line of input by the processor time that it
 * has used (microseconds) and its memory (bytes).
 *
 * @module
 */
import process from "node:process";
import {
  bunDriver,
  type ConnectionHandler,
  type Driver,
  denoDriver,
  nodeDriver,
  splice,
} from "../../src/net/mod.ts";

const DRIVERS: Readonly<Record<string, () => Driver>> = {
  node: nodeDriver,
  bun: bunDriver,
  deno: denoDriver,
};
const [name = "node", port = "0"] = process.argv.slice(2);
const driver = DRIVERS[name]?.() ?? nodeDriver();
const waiting: ConnectionHandler = { data: () => undefined, close: () => undefined };

const listener = await driver.listen({ host: "127.0.0.1", port: 0 }, (client) => {
  client.pause();
  driver.connect({ host: "127.0.0.1", port: Number(port) }, waiting).then(
    (backend) => splice(client, backend),
    () => client.abort(),
  );
  return waiting;
});

function tell(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

tell(listener.address);
process.stdin.on("data", () => {
  const { user, system } = process.cpuUsage();
  tell({ cpuUs: user + system, rss: process.memoryUsage().rss });
});
process.stdin.on("end", () => process.exit(0));
