import { Buffer } from "node:buffer";
import process from "node:process";
import {
  adopt,
  type Connection,
  type ConnectionHandler,
  descriptorLimit,
  type Listener,
  listenPaused,
  nodeDriver,
  openDescriptors,
  systemDriver,
} from "../../src/net/mod.ts";

/**
 * A process that echoes until no descriptor is left. It first writes its port; asked `?` on a connection, it answers with what it has
 * counted.
 */
const codes: string[] = [];
let message = "";
const handler: ConnectionHandler = {
  data(connection, chunk) {
    connection.write(Buffer.from(chunk).toString() === "?" ? counted() : chunk);
  },
  end: (connection) => connection.end(),
  close: () => undefined,
};

function counted(): Uint8Array {
  const { user, system } = process.cpuUsage();
  const figures = {
    codes,
    message,
    cpuMs: (user + system) / 1000,
    limit: descriptorLimit(),
    open: openDescriptors(),
  };
  return Buffer.from(JSON.stringify(figures));
}

const address = { host: "127.0.0.1", port: 0 };
const options = {
  onError: (error: Error) => {
    codes.push("code" in error ? String(error.code) : error.message);
    message = error.message;
  },
};
const accept = (_: Connection): ConnectionHandler => handler;
const LISTENERS: Readonly<Record<string, () => Promise<Listener>>> = {
  node: () => nodeDriver().listen(address, accept, options),
  system: () => systemDriver().listen(address, accept, options),
  paused: () => listenPaused(address, ({ native }) => void adopt(native, accept), options),
};
const listener = await LISTENERS[process.argv[2] ?? ""]?.();
if (listener && "port" in listener.address) process.stdout.write(`${listener.address.port}\n`);
