/**
 * The process that `net_bench.ts` measures: a proxy of one driver. Its arguments are the driver and the `HOST:PORT` of a backend. Prints
 * `ready HOST:PORT`.
 *
 * @module
 */
import process from "node:process";
import {
  bunDriver,
  type ConnectionHandler,
  type Driver,
  denoDriver,
  formatAddress,
  nodeDriver,
  splice,
} from "../../src/net/mod.ts";

const DRIVERS: Readonly<Record<string, () => Driver>> = {
  node: nodeDriver,
  bun: bunDriver,
  deno: denoDriver,
};
const [name = "node", address = ""] = process.argv.slice(2);
const [host = "", port = ""] = address.split(":");
const driver = DRIVERS[name]?.() ?? nodeDriver();
const waiting: ConnectionHandler = { data: () => undefined, close: () => undefined };

const listener = await driver.listen({ host: "127.0.0.1", port: 0 }, (client) => {
  client.pause();
  driver.connect({ host, port: Number(port) }, waiting).then(
    (backend) => splice(client, backend),
    () => client.abort(),
  );
  return waiting;
});
process.stdout.write(`ready ${formatAddress(listener.address)}\n`);
