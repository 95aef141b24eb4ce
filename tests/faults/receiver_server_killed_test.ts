import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { test } from "../testing.ts";
import { STORES, startCluster } from "./clusters.ts";
import { Ledger } from "./ledger.ts";
import { assertSettled, joinChat, register, sayMany } from "./people.ts";

for (const store of STORES) {
  test(`a receiver whose server is killed comes back on another one, and its cursor replays what it missed, once (${store})`, async () => {
    await using cluster = await startCluster(store);
    await register(cluster.at(0), ["ada", "bob"]);
    const ledger = new Ledger();
    await using bob = await joinChat(cluster.from(1), "bob", ledger);
    await using ada = await joinChat(cluster.from(0), "ada", ledger);
    assertNotEquals(ada.server, bob.server);
    await sayMany(ada, "bob", 20);
    const adasServer = ada.server;
    await cluster.signal(bob.server, "SIGKILL");
    await sayMany(ada, "bob", 20);
    await bob.loggedInAgain(1);
    await assertSettled(ledger);
    assertEquals(bob.shown.length, 40);
    assert(bob.logins > 1, "its server was to die");
    assertEquals(ada.server, adasServer, "the sender was not to notice");
  });
}
