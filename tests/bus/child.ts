/** A child process with a bus, which does what the test asks for over the topic `test`. */
import { channelBus } from "../../src/bus/mod.ts";
import { parentChannel } from "../../src/server/mod.ts";
import { bytes, text } from "./hearing.ts";

/** What a test asks a child for. */
export type Order =
  | { readonly do: "subscribe"; readonly channel: string }
  | { readonly do: "publish"; readonly channel: string; readonly count: number; readonly size: number };

/** What a child tells its test. */
export type Report = { readonly subscribed: string } | { readonly heard: readonly string[] };

const channel = parentChannel();
if (!channel) throw new Error("Cannot run child: it has no parent");
const bus = channelBus(channel);
const heard: string[] = [];

function report(message: Report): void {
  channel?.send("test", message);
}

channel.on("test", (body) => {
  // As the test sends it.
  const order = body as Order;
  switch (order.do) {
    case "subscribe":
      void bus
        .subscribe(order.channel, (payload) => {
          if (heard.push(text(payload)) === 1) setImmediate(() => report({ heard: heard.splice(0) }));
        })
        .then(() => report({ subscribed: order.channel }));
      return;
    case "publish":
      for (let i = 0; i < order.count; i++) {
        bus.publish(order.channel, bytes(`${i}`.padEnd(order.size)));
      }
      return;
  }
});
