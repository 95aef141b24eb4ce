import { assert } from "@std/assert";
import { test } from "../testing.ts";
import { type FaultCluster, STORES, startCluster, upCluster } from "./clusters.ts";
import { Ledger } from "./ledger.ts";
import { assertSettled, joinChat, type Person, register, sayUntil } from "./people.ts";

/** Sends of each without an answer at once. */
const AHEAD = 8;

/** Ada and Bob write to each other; `disturb` is called while they do. */
async function underLoad(
  cluster: FaultCluster,
  disturb: (ledger: Ledger, people: { readonly ada: Person; readonly bob: Person }) => Promise<void>,
): Promise<void> {
  await register(cluster.at(0), ["ada", "bob"]);
  const ledger = new Ledger();
  await using bob = await joinChat(cluster.from(1), "bob", ledger);
  await using ada = await joinChat(cluster.from(0), "ada", ledger);
  let isOver = false;
  const speak = (from: Person, to: string): Promise<void> => sayUntil(from, to, () => isOver, AHEAD);
  const talk = Promise.all([speak(ada, "bob"), speak(bob, "ada")]);
  await disturb(ledger, { ada, bob });
  isOver = true;
  await talk;
  await assertSettled(ledger);
  assert(
    ledger.delivered === 2 * ledger.acknowledged,
    `shown ${ledger.delivered}, stored ${ledger.acknowledged}`,
  );
}

for (const store of STORES) {
  test(`nothing is lost or shown twice when first the receiver's and then the sender's server is killed under load (${store})`, async () => {
    await using cluster = await startCluster(store, { servers: 3 });
    await underLoad(cluster, async (ledger, { ada, bob }) => {
      await ledger.reached(() => ledger.acknowledged > 100);
      const logins = bob.logins;
      await cluster.signal(bob.server, "SIGKILL");
      await bob.loggedInAgain(logins);
      const before = ledger.acknowledged;
      await ledger.reached(() => ledger.acknowledged > before + 100);
      await cluster.signal(ada.server, "SIGKILL");
      await ada.loggedInAgain(1);
    });
  });
}

test("nothing is lost or shown twice when the parent of up is killed under load and started again", async () => {
  await using cluster = await upCluster();
  await underLoad(cluster, async (ledger, { ada, bob }) => {
    await ledger.reached(() => ledger.acknowledged > 100);
    await cluster.killParent();
    await Promise.all([ada.loggedInAgain(1), bob.loggedInAgain(1)]);
  });
});
