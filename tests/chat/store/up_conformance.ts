import { assertEquals } from "@std/assert";
import type { OpenStore, StorePromise } from "./store_conformance.ts";

/** Whether it can be asked. */
export function testUp(promise: StorePromise, open: OpenStore): void {
  promise("is up from when it is open until it is closed", async () => {
    const opened = await open(["ann"]);
    const { store } = opened;
    const before = store.isUp;
    await opened[Symbol.asyncDispose]();
    assertEquals([before, store.isUp], [true, false]);
  });
}
