import { assert, assertEquals } from "@std/assert";
import { ipHash } from "../../../src/balancer/policy/ip_hash.ts";
import { keyHash } from "../../../src/balancer/policy/key_hash.ts";
import { test } from "../../testing.ts";
import { clients, NOBODY, policyOf, type Seat, seats } from "./policy_conformance.ts";

const HOSTS = clients(1000);

test("key-hash gives all clients of one key the same backend, wherever they come from", () => {
  const policy = policyOf(keyHash, seats(10));
  for (const key of ["alice", "bob", "example.org", "ä🎻", ""])
    assertEquals(new Set(HOSTS.map(({ host }) => policy.pick({ host, key }, NOBODY))).size, 1);
});

test("key-hash spreads keys over all backends, though the clients have one address", () => {
  const members = seats(5);
  const policy = policyOf(keyHash, members);
  const picked = HOSTS.map((_, i) => policy.pick({ host: "10.0.0.1", key: `user-${i}` }, NOBODY));
  for (const member of members) {
    const count = picked.filter((one) => one === member).length;
    assert(count > 120 && count < 280, `${member.name} has ${count} of 1000`);
  }
});

test("key-hash gives clients without a key the backends of ip-hash", () => {
  const [byKey, byHost] = [policyOf(keyHash, seats(10)), policyOf(ipHash, seats(10))];
  for (const client of HOSTS)
    assertEquals(byKey.pick(client, NOBODY)?.name, byHost.pick(client, NOBODY)?.name);
});

test("key-hash moves only the keys of a backend that is not available, and they come back", () => {
  const members = seats(10);
  const policy = policyOf(keyHash, members);
  const names = () => HOSTS.map((client, i) => policy.pick({ ...client, key: `user-${i}` }, NOBODY)?.name);
  const before = names();
  const [gone] = members as [Seat];
  gone.available = false;
  policy.change(gone);
  const without = names();
  gone.available = true;
  policy.change(gone);
  assertEquals(names(), before);
  for (const [i, name] of without.entries())
    assert(name !== gone.name && (name === before[i] || before[i] === gone.name));
});
