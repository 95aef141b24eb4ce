import { channelBus, localBus } from "../../src/bus/mod.ts";
import { testBus } from "./bus_conformance.ts";
import { channelPair } from "./channel_pair.ts";

testBus(
  "local",
  async (options) => {
    const hub = localBus(options);
    return { a: hub, b: hub, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
  },
  { "calls no handler after it was closed": "both are one bus" },
);

testBus("parent's", async (options) => {
  const hub = localBus(options);
  const pair = channelPair();
  hub.attach(pair.parent);
  const child = channelBus(pair.child, options);
  return { a: hub, b: child, [Symbol.asyncDispose]: () => closeAll(child, hub) };
});

testBus("children's", async (options) => {
  const hub = localBus(options);
  const pairs = [channelPair(), channelPair()] as const;
  for (const pair of pairs) hub.attach(pair.parent);
  const [a, b] = [channelBus(pairs[0].child, options), channelBus(pairs[1].child, options)];
  return { a, b, [Symbol.asyncDispose]: () => closeAll(a, b, hub) };
});

async function closeAll(...parts: AsyncDisposable[]): Promise<void> {
  for (const part of parts) await part[Symbol.asyncDispose]();
}
