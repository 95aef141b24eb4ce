import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { EventParser } from "../../../src/admin/page/event_parser.ts";
import { Model } from "../../../src/admin/page/model.ts";
import { SAMPLES, sampleOf, Trends } from "../../../src/admin/page/trend.ts";
import { changeBetween, type Picture, takePicture } from "../../../src/admin/picture.ts";
import { test } from "../../testing.ts";

/** What a role shows whose backends are `connections` by name. */
function pictureOf(connections: Readonly<Record<string, number>>, at: number): Promise<Picture> {
  const counts = { missed: 0, weight: 1, source: "config", backup: false, state: "up" } as const;
  const backends = Object.entries(connections).map(([name, count]) => ({
    ...{ name, connections: count, total: count, bytesIn: 1000 * count, ...counts },
    ...(count % 2 === 0 && { lastError: "reset" }),
  }));
  return takePicture(
    {
      health: () => ({ healthy: true, role: "balance" }),
      pools: () => [{ name: "p", policy: "random", dispatch: "splice", backends, queued: 1 }],
    },
    at,
  );
}

test("a parser gives the same events whatever the pieces they come in", () => {
  const events = Array.from({ length: 5 }, (_, index) => ({ name: `e${index}`, data: `{"at":${index}}` }));
  const text = events.map(({ name, data }) => `event: ${name}\ndata: ${data}\n\n`).join("");
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 })), (sizes) => {
      const parser = new EventParser();
      const found = [];
      let at = 0;
      for (const size of [...sizes, text.length]) {
        found.push(...parser.take(text.slice(at, at + size)));
        at += size;
      }
      assertEquals(found, events);
    }),
  );
});

test("who takes every change knows what one knows who was told everything just now", async () => {
  const names = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), fc.nat(5), { noNullPrototype: true });
  await fc.assert(
    fc.asyncProperty(fc.array(names, { minLength: 1, maxLength: 6 }), async (all) => {
      const pictures = await Promise.all(all.map((each, index) => pictureOf(each, 1000 * index)));
      const model = new Model();
      let known: Picture | undefined;
      for (const picture of pictures) {
        const change = JSON.parse(JSON.stringify(changeBetween(known, picture)));
        if (known) model.apply(change);
        else model.replace(change);
        known = picture;
      }
      const fresh = new Model();
      fresh.replace(JSON.parse(JSON.stringify(changeBetween(undefined, pictures.at(-1) as Picture))));
      const byKey = (one: Model) => Object.fromEntries(one.backends.map((row) => [row.key, row]));
      assertEquals(byKey(model), byKey(fresh));
    }),
  );
});

test("rates are what counters did between two events, and none where one counts anew", () => {
  const model = new Model();
  const row = { key: "p\na", pool: "p", connections: 1 };
  model.replace({ at: 1000, backends: [{ ...row, bytesIn: 500, connected: 10, connectSeconds: 1 }] });
  model.apply({ at: 3000, backends: [{ key: "p\na", bytesIn: 2500, connected: 14, connectSeconds: 1.2 }] });
  const [backend] = model.backends;
  if (!backend) throw new Error("no backend");
  assertEquals(model.ratesOf(backend).bytesIn, 1000);
  assertEquals(Math.round(sampleOf(model, { kind: "all" }).connectMs ?? 0), 50);
  model.apply({ at: 4000 });
  assertEquals([model.ratesOf(backend).bytesIn, sampleOf(model, { kind: "all" }).connectMs], [0, undefined]);
  model.apply({ at: 5000, backends: [{ key: "p\na", bytesIn: 7 }] });
  assertEquals(model.ratesOf(backend).bytesIn, 0);
});

test("a trend holds the last ten minutes, the oldest first, and a backend's begins when it is chosen", () => {
  const [model, trends] = [new Model(), new Trends()];
  model.replace({ at: 0, backends: [{ key: "p\na", pool: "p", name: "a", connections: 0 }] });
  const scope = { kind: "backend", key: "p\na", name: "a" } as const;
  for (let second = 1; second <= SAMPLES + 50; second++) {
    model.apply({ at: 1000 * second, backends: [{ key: "p\na", connections: second }] });
    if (second === 600) trends.of(scope);
    trends.record(model);
  }
  const all = trends.of({ kind: "all" }).values("connections");
  assertEquals([all.length, all[0], all.at(-1)], [SAMPLES, 51, SAMPLES + 50]);
  assertEquals(trends.of(scope).values("time").length, 51);
});

test("a trend of connect times begins where somebody was connected, and keeps the last one", () => {
  const [model, trends] = [new Model(), new Trends()];
  const row = { key: "p\na", pool: "p", name: "a", connections: 0, connected: 0, connectSeconds: 0 };
  const record = (at: number, change: object): void => {
    model.apply({ at, backends: [{ ...row, ...change }] });
    trends.record(model);
  };
  model.replace({ at: 0, backends: [row] });
  assertEquals(trends.of({ kind: "all" }).last("connectMs"), undefined);
  record(1000, {});
  record(2000, { connected: 2, connectSeconds: 0.01 });
  record(3000, { connected: 2, connectSeconds: 0.01 });
  assertEquals([...trends.of({ kind: "all" }).values("connectMs")], [Number.NaN, 5, 5]);
});
