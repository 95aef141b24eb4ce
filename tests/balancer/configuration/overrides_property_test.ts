import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type {
  BackendConfiguration,
  PoolConfiguration,
} from "../../../src/balancer/configuration/contract.ts";
import {
  type ConfiguredPools,
  effectiveBackends,
  type RuntimeChange,
  reconcile,
} from "../../../src/balancer/configuration/overrides.ts";
import { decodeOverrides, encodeOverrides } from "../../../src/balancer/configuration/overrides_text.ts";
import type { AdminState, BackendSpec } from "../../../src/balancer/pool/backend.ts";
import { test } from "../../testing.ts";
import { changed, configured, inShort, poolOf } from "./changes.ts";

const NAMES = ["a:1", "b:1", "c:1", "d:1"];
const weight = fc.constantFrom(0, 1, 2.5);
const limit = fc.constantFrom<(number | undefined)[]>(undefined, 5, 6);
const spec = fc
  .record({ name: fc.constantFrom(...NAMES), weight, maxConnections: limit, backup: fc.boolean() })
  .map((found): BackendConfiguration => ({ ...found, address: { host: found.name.slice(0, 1), port: 1 } }));
const configuration = fc
  .uniqueArray(spec, { maxLength: 4, selector: ({ name }) => name })
  .map((backends): ConfiguredPools => ({ pools: new Map([["web", { ...poolOf(configured()), backends }]]) }));
const change: fc.Arbitrary<RuntimeChange> = fc.oneof(
  spec.map((found) => ({ kind: "add" as const, backend: found })),
  fc.constantFrom(...NAMES).map((name) => ({ kind: "remove" as const, backend: name })),
  fc
    .tuple(
      fc.constantFrom(...NAMES),
      fc.option(weight, { nil: undefined }),
      fc.constantFrom<AdminState>("enabled", "draining", "disabled"),
      fc.constantFrom<(number | "none" | undefined)[]>(undefined, "none", 5, 6),
    )
    .map(([name, share, admin, maxConnections]) => ({
      kind: "change" as const,
      backend: name,
      weight: share,
      admin,
      maxConnections,
    })),
);

/** A pool as it would be if every change were simply made to it, and forgotten. */
class PlainPool {
  readonly backends = new Map<string, BackendSpec>();

  constructor(pool: PoolConfiguration) {
    for (const found of pool.backends) this.#add(found);
  }

  /** @returns Whether it can be made: nothing is added twice, and nothing that is not there changed. */
  make(next: RuntimeChange): boolean {
    const name = next.kind === "add" ? next.backend.name : next.backend;
    const found = this.backends.get(name);
    if ((next.kind === "add") === (found !== undefined)) return false;
    if (next.kind === "add") this.#add(next.backend);
    else if (next.kind === "remove") this.backends.delete(name);
    else if (found) {
      const most = next.maxConnections === "none" ? Number.POSITIVE_INFINITY : next.maxConnections;
      this.backends.set(name, {
        ...found,
        weight: next.weight ?? found.weight,
        admin: next.admin ?? found.admin,
        maxConnections: most ?? found.maxConnections,
      });
    }
    return true;
  }

  #add(found: BackendConfiguration): void {
    const maxConnections = found.maxConnections ?? Number.POSITIVE_INFINITY;
    this.backends.set(found.name, { ...found, maxConnections, admin: "enabled" });
  }
}

test("after any changes the overrides give what making the changes gives, also from the state file", () => {
  fc.assert(
    fc.property(configuration, fc.array(change, { maxLength: 12 }), (before, changes) => {
      const plain = new PlainPool(poolOf(before));
      const overrides = changed(before, ...changes.filter((next) => plain.make(next)));
      const expected = Array.from(plain.backends.values(), (found) =>
        inShort({ ...found, source: "" }),
      ).sort();
      const decoded = decodeOverrides(encodeOverrides(overrides));
      assert(typeof decoded === "object", String(decoded));
      for (const kept of [overrides, decoded, reconcile(decoded, before).overrides]) {
        const { config, admin } = effectiveBackends(poolOf(before), kept);
        assertEquals(
          [...config, ...admin].map((found) => inShort({ ...found, source: "" })).sort(),
          expected,
        );
      }
      assertEquals(reconcile(decoded, before).dropped, []);
    }),
    { numRuns: 500 },
  );
});

test("after any change of the configuration nothing is left whose base it does not say", () => {
  fc.assert(
    fc.property(
      configuration,
      configuration,
      fc.array(change, { maxLength: 8 }),
      (before, after, changes) => {
        const plain = new PlainPool(poolOf(before));
        const overrides = changed(before, ...changes.filter((next) => plain.make(next)));
        const { overrides: left } = reconcile(overrides, after);
        assertEquals(reconcile(left, after).dropped, []);
        const names = new Map(poolOf(after).backends.map((found) => [found.name, found]));
        for (const [name, found] of left.get("web") ?? []) {
          if (found.presence) assertEquals(found.presence.base, names.get(name));
          if (found.weight) assertEquals(found.weight.base, names.get(name)?.weight);
        }
      },
    ),
    { numRuns: 300 },
  );
});
