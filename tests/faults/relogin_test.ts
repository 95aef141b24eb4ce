import { assertEquals } from "@std/assert";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { STORES, startCluster } from "./clusters.ts";

/** Enough to meet a subscribe that overtakes an unsubscribe. */
const ROUNDS = 8;

for (const store of STORES) {
  test(`a user who logs out and in within one tick is subscribed: messages flow (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using ada = await RawClient.login(cluster.at(0), "ada");
    await using bob = await RawClient.login(cluster.at(1), "bob");
    const login = { type: "login", name: "bob", password: "secret" };
    for (let round = 1; round <= ROUNDS; round++) {
      const lines = [{ type: "logout" }, { ...login, id: `in-${round}` }];
      bob.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      await bob.until("the login", () => bob.frames.find(({ id }) => id === `in-${round}`));
      await ada.ask({ type: "send", to: "bob", text: `round ${round}` });
      await bob.until("the message", () => bob.messages.find(({ text }) => text === `round ${round}`));
    }
    assertEquals(
      bob.frames.filter(({ type }) => type === "error"),
      [],
    );
  });

  test(`a user whose last connection ends while the next one logs in is subscribed: messages flow (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using ada = await RawClient.login(cluster.at(0), "ada");
    let bob = await RawClient.login(cluster.at(1), "bob", { device: "phone" });
    const token = String(bob.frames.find(({ token }) => token !== undefined)?.token);
    for (let round = 1; round <= ROUNDS; round++) {
      const next = await RawClient.connect(cluster.at(1));
      bob.connection.abort();
      const answer = await next.ask({ type: "login", token, device: "phone" });
      assertEquals(answer.type, "ok");
      await bob.closed;
      bob = next;
      await ada.ask({ type: "send", to: "bob", text: `round ${round}` });
      await bob.until("the message", () => bob.messages.find(({ text }) => text === `round ${round}`));
      bob.tell({ type: "ack", inbox: round });
    }
    await bob[Symbol.asyncDispose]();
  });
}
