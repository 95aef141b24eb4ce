import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { encodeProxyHeader } from "../../../src/wire/mod.ts";
import { test } from "../../testing.ts";
import { poolAt, until, visit } from "./frontends.ts";
import { frontendFor, HEADER, Keeper, over, PROXIED, RELAYED, SOURCE, splitHeader } from "./listening.ts";

test("a client's address survives two balancers, and the second is told by the first of both", async () => {
  await using keeper = await Keeper.start();
  await using inner = await frontendFor(poolAt([keeper.address]), {
    settings: PROXIED,
    dial: { nodeId: "inner", proxyProtocol: 2 },
  });
  const outerPool = poolAt([inner.frontend.address], "round-robin", [{ proxy: 2 }]);
  await using outer = await frontendFor(outerPool, { dial: { nodeId: "outer" } });
  const { connection, recorder } = await visit(outer.frontend, "127.0.0.66");
  connection.write(Buffer.from("through both"));
  connection.end();
  await recorder.closed;
  const { header, rest } = splitHeader(await keeper.heard(0));
  assert(header.kind === "relayed");
  assertEquals([header.source, rest.toString()], [connection.local, "through both"]);
  const path = header.tlvs.find(({ type }) => type === 0xe0)?.value ?? [];
  assertEquals(Buffer.from(path).toString(), "outer>inner");
});

test("a client that comes to a balancer for the second time is refused as loop, with the whole path", async () => {
  const pools = [poolAt([]), poolAt([])] as const;
  await using a = await frontendFor(pools[0], { settings: PROXIED, dial: { nodeId: "a", proxyProtocol: 2 } });
  await using b = await frontendFor(pools[1], { settings: PROXIED, dial: { nodeId: "b", proxyProtocol: 2 } });
  pools[0].beat(pools[0].add({ address: b.frontend.address }), "answered");
  pools[1].beat(pools[1].add({ address: a.frontend.address }), "answered");
  const visitor = await visit(a.frontend);
  visitor.connection.write(HEADER);
  await over(visitor);
  await until("the end of all", () => a.frontend.connections + b.frontend.connections === 0);
  assertEquals(a.told.lines, [`refused ${SOURCE.host} loop`]);
  assertEquals(a.told.details, ["it has come here before: a>b>a"]);
  assertEquals(a.frontend.counters.refused.loop, 1);
});

test("a client that has come through 16 balancers is refused as loop", async () => {
  await using world = await frontendFor(poolAt([]), { settings: PROXIED });
  const path = Array.from({ length: 16 }, (_, index) => `node${index}`).join(">");
  const tlvs = [{ type: 0xe0, value: Buffer.from(path) }];
  const visitor = await visit(world.frontend);
  visitor.connection.write(encodeProxyHeader({ ...RELAYED, tlvs }, 2));
  await over(visitor);
  assertEquals(world.told.lines, [`refused ${SOURCE.host} loop`]);
});
