import { io } from "socket.io-client";
import type { Talker, TalkerOptions } from "./contract.ts";

interface Received {
  readonly from: string;
  readonly text: string;
}

/** Connects by Socket.IO's own client, at once over WebSocket. What it sends as `send` is acknowledged by those who receive it. */
export async function socketIoTalker({ address, account, groups, onText }: TalkerOptions): Promise<Talker> {
  const socket = io(`http://${address}`, { transports: ["websocket"], forceNew: true, reconnection: false });
  const take = ({ from, text }: Received): void => void (from === account.name || onText(text));
  socket.on("message", (received: Received, done: () => void) => {
    take(received);
    done();
  });
  socket.on("told", take);
  await new Promise<void>((resolve, reject) => {
    socket.on("connect_error", reject);
    socket.emit("login", { name: account.name, groups }, () => resolve());
  });
  return {
    send: (to, text) => socket.emitWithAck("send", { to, text }),
    async signal(to, text) {
      socket.emit("tell", { to, text });
    },
    async close() {
      socket.disconnect();
    },
  };
}
