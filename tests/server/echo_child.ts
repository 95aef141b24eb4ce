/** A child for the tests: answers on `echo`, ends on `exit`, hangs on `spin`, greets on every connection it is handed. */
import process from "node:process";
import { setTimeout } from "node:timers";
import { parentChannel } from "../../src/server/mod.ts";

const channel = parentChannel();
if (!channel) throw new Error("echo_child.ts is started by the tests");
channel.on("echo", (body) => channel.send("echo", body));
channel.on("exit", (body) => process.exit(Number(body)));
channel.on("spin", () => {
  for (;;) performance.now();
});
/** Computes for so many milliseconds in each turn of its event loop. */
channel.on("toil", (body) => {
  function toil(): void {
    const endsAt = performance.now() + Number(body);
    while (performance.now() < endsAt);
    setTimeout(toil, 0);
  }
  toil();
});
channel.on("connection", (body, socket) => {
  socket?.on("data", (chunk) => socket.end(`${body}: ${chunk}`));
  socket?.resume();
});
channel.send("args", process.argv.slice(2));
void channel.closed.then(() => process.exit(0));
