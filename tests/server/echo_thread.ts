/** A thread for the tests: answers on `echo` and `bytes`, ends on `exit`, fails on `throw`. */
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
