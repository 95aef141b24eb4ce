/**
 * A chat server as one writes it with Socket.IO and its Redis adapter: a room for each user, nothing is stored. The address of the Redis is
 * its first argument.
 *
 * @module
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

interface Sent {
  readonly to: string;
  readonly text: string;
}

const publisher = createClient({ url: process.argv[2] ?? "" });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);
const http = createServer();
const server = new Server(http, { adapter: createAdapter(publisher, subscriber), transports: ["websocket"] });

server.on("connection", (socket) => {
  let user = "";
  socket.on("login", async ({ name, groups }: { name: string; groups: string[] }, done: () => void) => {
    user = name;
    await socket.join([name, ...groups]);
    done();
  });
  // The sender learns that everybody in the room has it.
  socket.on("send", ({ to, text }: Sent, done: () => void) => {
    server
      .to(to)
      .timeout(5000)
      .emit("message", { from: user, to, text }, () => done());
  });
  // The sender learns nothing.
  socket.on("tell", ({ to, text }: Sent) => {
    server.to(to).emit("told", { from: user, to, text });
  });
});

http.listen(0, "127.0.0.1", () => {
  process.stdout.write(`ready 127.0.0.1:${(http.address() as AddressInfo).port}\n`);
});
process.on("SIGTERM", () => process.exit(0));
