import { assert, assertEquals } from "@std/assert";
import { MAX_DEVICES } from "../../../src/chat/store/mod.ts";
import type { OpenStore, StorePromise } from "./store_conformance.ts";
import { NOW } from "./store_steps.ts";

/** Which of several logins of a device is the newest. */
export function testGenerations(promise: StorePromise, open: OpenStore): void {
  promise("numbers the logins of a device upwards, whatever other devices do", async () => {
    await using opened = await open(["ann"]);
    const { store } = opened;
    const first = await store.openDevice("ann", "phone", NOW);
    await store.openDevice("ann", "laptop", NOW + 1);
    const second = await store.openDevice("ann", "phone", NOW + 2);
    assert(first.generation > 0);
    assert(second.generation > first.generation, `${second.generation} after ${first.generation}`);
  });

  promise("gives a number that was asked for to the first who asks, and says so to the others", async () => {
    await using opened = await open(["ann"]);
    const { store } = opened;
    const openAs = async (number: number, device = "phone") => {
      const { generation, isRaised } = await store.openDevice("ann", device, NOW, number);
      return [generation, isRaised];
    };
    assertEquals(await openAs(0), [0, true]);
    const both = await Promise.all([openAs(7), openAs(7)]);
    assertEquals(both.map(String).sort(), ["7,false", "7,true"]);
    assertEquals(
      [await openAs(6), await openAs(7), await openAs(7, "laptop")],
      [
        [7, false],
        [7, false],
        [7, true],
      ],
    );
    assertEquals(await openAs(8), [8, true]);
    assertEquals((await store.openDevice("ann", "phone", NOW)).isRaised, true);
  });

  promise(
    "gives every device but one a newer generation, which is found where their sessions stand",
    async () => {
      await using opened = await open(["ann"]);
      const { store } = opened;
      const devices = ["phone", "laptop", "tablet"];
      const states = await Promise.all(devices.map((device) => store.openDevice("ann", device, NOW)));
      const places = states.map(({ epoch }, index) => {
        return { user: "ann", device: devices[index] ?? "", epoch, inbox: 0, stamp: 0 };
      });
      await store.endDevices("ann", "laptop");
      const isEnded = async () =>
        (await store.inboxStates(places)).map(
          (finding, index) => (finding?.generation ?? 0) > (states[index]?.generation ?? 0),
        );
      assertEquals(await isEnded(), [true, false, true]);
      const newest = await store.openDevice("ann", "laptop", NOW);
      const found = await store.inboxStates(places);
      assert(found.every((finding, index) => (index === 1) === (finding?.generation === newest.generation)));
      await store.endDevices("ann");
      assertEquals(await isEnded(), [true, true, true]);
      await store.endDevices("nobody");
    },
  );

  promise(
    "gives a device that logs in a newer generation than any before, and one that goes on its own",
    async () => {
      await using opened = await open(["ann"]);
      const { store } = opened;
      const first = await store.openDevice("ann", "phone", NOW);
      assertEquals(
        (await store.openDevice("ann", "phone", NOW, first.generation)).generation,
        first.generation,
      );
      const second = await store.openDevice("ann", "phone", NOW);
      assert(second.generation > first.generation);
      assertEquals(
        (await store.openDevice("ann", "phone", NOW, first.generation)).generation,
        second.generation,
      );
      // As it is after a rollback: the store knows of no generation that large.
      const lost = second.generation + 1000;
      assertEquals((await store.openDevice("ann", "phone", NOW, lost)).generation, lost);
      assert((await store.openDevice("ann", "laptop", NOW)).generation > lost);
    },
  );

  promise("ends the sessions of devices that are forgotten, too, but none that comes later", async () => {
    await using opened = await open(["ann"]);
    const { store } = opened;
    const first = await store.openDevice("ann", "first", NOW);
    const place = { user: "ann", device: "first", epoch: first.epoch, inbox: 0, stamp: 0 };
    const isEnded = async (generation: number): Promise<boolean> => {
      const [finding] = await store.inboxStates([place]);
      return (finding?.generation ?? 0) > generation;
    };
    const forget = async (): Promise<void> => {
      for (let n = 1; n <= MAX_DEVICES; n++) await store.openDevice("ann", `d${n}`, NOW + n);
    };
    await forget();
    assertEquals(await isEnded(first.generation), false);
    await store.endDevices("ann", "d1");
    assertEquals(await isEnded(first.generation), true);
    const again = await store.openDevice("ann", "first", NOW);
    await forget();
    assertEquals(await isEnded(again.generation), false);
  });
}
