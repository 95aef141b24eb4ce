/** A thread for the tests: answers on `echo` and `bytes`, ends on `exit`, fails on `throw`, hangs on `spin`, listens on `listen`. */
import { createServer } from "node:net";
import process from "node:process";
import { parentThread } from "../../src/server/mod.ts";

const channel = parentThread();
if (!channel) throw new Error("echo_thread.ts is started by the tests");
channel.on("echo", (body) => channel.send("echo", body));
channel.on("bytes", (body) => channel.sendBytes("bytes", body as Uint8Array));
channel.on("exit", (body) => process.exit(Number(body)));
channel.on("throw", () => {
  setTimeout(() => {
    throw new Error("thrown in a thread");
  });
});
channel.on("reject", () => void Promise.reject(new Error("rejected in a thread")));
channel.on("spin", () => {
  channel.send("spinning", undefined);
  for (;;) performance.now();
});
channel.on("listen", () => {
  const server = createServer((socket) => socket.destroy());
  server.listen(0, "127.0.0.1", () => channel.send("listening", server.address()));
});
