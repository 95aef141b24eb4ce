import { createServer } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

/** Listens without accepting while the other thread holds the lock, then accepts and closes whatever comes. */
const lock = new Int32Array(workerData);
const server = createServer((socket) => socket.destroy());
server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
  parentPort?.postMessage(server.address());
  setImmediate(() => Atomics.wait(lock, 0, 0));
});
