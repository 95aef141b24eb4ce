/** A child for the tests: takes connections, greets on each, and answers on `echo`. */
import process from "node:process";
import { parentChannel, takeConnections } from "../../src/server/mod.ts";

const channel = parentChannel();
if (!channel) throw new Error("taker_child.ts is started by the tests");
channel.on("echo", (body) => channel.send("echo", body));
takeConnections(
  channel,
  (socket, onClosed) => {
    socket.on("data", (chunk) => socket.write(`taken: ${chunk}`));
    socket.on("end", () => socket.end());
    socket.on("error", () => socket.destroy());
    socket.on("close", onClosed);
    socket.resume();
  },
  () => undefined,
);
channel.send("ready", undefined);
void channel.closed.then(() => process.exit(0));
