/**
 * What is behind a proxy: sends back what it gets, or for each request as many bytes as it is told. Run as a process of its own, with the
 * bytes of a request and of an answer as its arguments. Prints `ready HOST:PORT`.
 *
 * @module
 */
import { type AddressInfo, createServer, type Socket } from "node:net";
import process from "node:process";

const [requestBytes = 0, answerBytes = 0] = process.argv.slice(2).map(Number);
const answer = new Uint8Array(answerBytes).fill(0x62);

function echo(socket: Socket): void {
  socket.pipe(socket);
}

function answerEach(socket: Socket): void {
  let received = 0;
  socket.on("data", (chunk) => {
    for (received += chunk.length; received >= requestBytes; received -= requestBytes) socket.write(answer);
  });
  socket.on("end", () => socket.end());
}

const serve = answerBytes === requestBytes ? echo : answerEach;
const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  serve(socket);
});
server.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  process.stdout.write(`ready 127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
