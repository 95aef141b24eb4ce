/**
 * A server for tests, as a process of its own that may be killed or frozen.
 *
 * It says its name to whoever asks `WHO`, answers `PING`, a chat server's `ping` and HTTP, and gives back all other lines. Takes its
 * name and a port as arguments, and writes the port it listens on.
 */
import { createServer } from "node:net";
import process from "node:process";

const [name = "", port = "0"] = process.argv.slice(2);

function answerTo(line: string): string {
  if (line === "WHO") return `${name}\n`;
  if (line === "PING") return "+PONG\n";
  if (line === '{"type":"ping"}') return `{"type":"pong","server":"${name}"}\n`;
  return `${line}\n`;
}

const server = createServer({ noDelay: true }, (socket) => {
  let text = "";
  // A client that resets is no failure of the server.
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    if (text.startsWith("GET ")) {
      if (!text.includes("\r\n\r\n")) return;
      socket.end(
        `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\nConnection: close\r\n\r\n${name}`,
        "latin1",
      );
      text = "";
      return;
    }
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) socket.write(answerTo(line), "latin1");
  });
});
server.listen(Number(port), "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : ""}\n`);
});
// Whoever started it ends it by closing this; one that was forgotten ends by itself.
process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
