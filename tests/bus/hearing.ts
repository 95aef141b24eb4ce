import type { Bus, Subscription } from "../../src/bus/mod.ts";

/** What a subscription has heard, as text. */
export interface Hearing extends AsyncDisposable {
  readonly heard: string[];
  /** Resolves when so many messages have been heard. */
  hears(count: number): Promise<string[]>;
  readonly subscription: Subscription;
}

/** Subscribes and keeps what comes. */
export async function hear(bus: Bus, channel: string): Promise<Hearing> {
  const heard: string[] = [];
  let wanted = 0;
  let { promise: arrived, resolve } = Promise.withResolvers<void>();
  const subscription = await bus.subscribe(channel, (payload) => {
    heard.push(text(payload));
    if (heard.length === wanted) resolve();
  });
  return {
    heard,
    subscription,
    async hears(count) {
      wanted = count;
      if (heard.length < count) await arrived;
      ({ promise: arrived, resolve } = Promise.withResolvers<void>());
      return heard;
    },
    [Symbol.asyncDispose]: () => subscription[Symbol.asyncDispose](),
  };
}

/** Text as the payload of a message. */
export function bytes(payload: string): Uint8Array {
  return new TextEncoder().encode(payload);
}

/** The payload of a message as text. */
export function text(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}
