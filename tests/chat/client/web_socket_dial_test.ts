import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { assertEquals, assertThrows } from "@std/assert";
import { wait } from "../../../src/async/mod.ts";
import { webSocketDial } from "../../../src/chat/mod.ts";
import { type Connection, formatAddress, systemDriver } from "../../../src/net/mod.ts";
import { RUNTIME, test } from "../../testing.ts";

/** What RFC 6455 joins to a client's key. */
const KEY_END = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** How soon a socket that is let go of is gone. */
const GONE_MS = 500;

/** A server that opens a WebSocket for whoever comes, and says nothing after that, not even a goodbye. */
async function muteServer() {
  const gone = Promise.withResolvers<"gone">();
  const connections: Connection[] = [];
  const listener = await systemDriver().listen({ host: "127.0.0.1", port: 0 }, (connection) => {
    connections.push(connection);
    return {
      data(_, chunk) {
        const key = /^sec-websocket-key: (\S+)/im.exec(Buffer.from(chunk).toString())?.[1];
        if (key === undefined) return;
        const accept = createHash("sha1").update(`${key}${KEY_END}`).digest("base64");
        const lines = ["HTTP/1.1 101 Yes", "Upgrade: websocket", "Connection: Upgrade"];
        connection.write(Buffer.from([...lines, `Sec-WebSocket-Accept: ${accept}\r\n\r\n`].join("\r\n")));
      },
      end: () => gone.resolve("gone"),
      close: () => gone.resolve("gone"),
    };
  });
  return {
    url: `ws://${formatAddress(listener.address)}/ws`,
    gone: gone.promise,
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection.abort();
      await listener.close();
    },
  };
}

test("webSocketDial() refuses what is no URL of a WebSocket at once", () => {
  for (const url of [
    "",
    "ws:///",
    "chat.example.org",
    "https://chat.example.org/ws",
    "ws://chat.example.org/ws#a",
  ])
    assertThrows(() => webSocketDial(["wss://chat.example.org/ws", url]), RangeError, `"${url}"`);
});

test("a connection that is given up is gone under Bun; Node and Deno keep its socket until the server says goodbye", async () => {
  await using server = await muteServer();
  let isOver = false;
  const handler = {
    heard: () => undefined,
    line: () => undefined,
    close: () => {
      isOver = true;
    },
  };
  const link = await webSocketDial([server.url])(handler, new AbortController().signal);
  link.abort();
  assertEquals(isOver, true);
  const left = await Promise.race([server.gone, wait(GONE_MS).then(() => "still there")]);
  // Their WebSockets have nothing to end a socket by. Should that change, the dial is to use it.
  assertEquals(left, RUNTIME === "bun" ? "gone" : "still there");
});
