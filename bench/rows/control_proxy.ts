/**
 * The least that a proxy on Node is: two pipes. It chooses nothing, limits nothing and counts nothing. The address of the backend is its
 * first argument. Prints `ready HOST:PORT`.
 *
 * @module
 */
import { type AddressInfo, connect, createServer } from "node:net";
import process from "node:process";

const [host = "", port = ""] = (process.argv[2] ?? "").split(":");
const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
  const backend = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
  client.on("error", () => backend.destroy());
  backend.on("error", () => client.destroy());
  client.pipe(backend);
  backend.pipe(client);
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  process.stdout.write(`ready 127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
