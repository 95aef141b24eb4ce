import { createServer } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

/** Listens without accepting while the other thread holds the lock, then accepts, and says so when the other side has gone. */
const lock = new Int32Array(workerData);
const server = createServer((socket) => {
  socket.resume();
  socket.on("error", () => socket.destroy());
  socket.on("close", () => parentPort?.postMessage("closed"));
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
  parentPort?.postMessage(server.address());
  setImmediate(() => Atomics.wait(lock, 0, 0));
});
