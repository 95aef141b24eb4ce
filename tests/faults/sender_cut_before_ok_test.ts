import { assertEquals } from "@std/assert";
import { faultProxy } from "../fault_proxy.ts";
import { RawClient } from "../helpers.ts";
import { test } from "../testing.ts";
import { STORES, startCluster } from "./clusters.ts";

for (const store of STORES) {
  test(`a send whose connection drops before its ok is a duplicate when it comes again, and is shown once (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using proxy = await faultProxy(cluster.at(0));
    await using ada = await RawClient.login(proxy.address, "ada", { device: "phone" });
    await using bob = await RawClient.login(cluster.at(1), "bob");
    proxy.swallowAnswers();
    ada.tell({ type: "send", id: "7", to: "bob", text: "once" });
    const [first] = await bob.hasMessages(1);
    proxy.cut();
    await ada.closed;
    assertEquals(ada.frames.filter(({ id }) => id === "7").length, 0, "its answer was to be lost");

    await using again = await RawClient.login(cluster.at(1), "ada", { device: "phone" });
    const repeated = await again.ask({ type: "send", id: "7", to: "bob", text: "once" });
    assertEquals([repeated.type, repeated.duplicate, repeated.seq], ["ok", true, first?.seq]);
    await again.ask({ type: "send", id: "8", to: "bob", text: "next" });
    assertEquals(
      (await bob.hasMessages(2)).map(({ text, seq }) => [text, seq]),
      [
        ["once", 1],
        ["next", 2],
      ],
    );
  });

  test(`a send whose line is torn in the middle is not stored, and comes again as new (${store})`, async () => {
    await using cluster = await startCluster(store);
    await using bob = await RawClient.login(cluster.at(1), "bob");
    await using ada = await RawClient.login(cluster.at(0), "ada", { device: "phone" });
    ada.write('{"type":"send","id":"7","to":"bob","text":"on');
    ada.connection.abort();
    await ada.closed;
    await using again = await RawClient.login(cluster.at(1), "ada", { device: "phone" });
    const sent = await again.ask({ type: "send", id: "7", to: "bob", text: "once" });
    assertEquals([sent.duplicate, sent.seq], [false, 1]);
    assertEquals(
      (await bob.hasMessages(1)).map(({ text }) => text),
      ["once"],
    );
  });
}
