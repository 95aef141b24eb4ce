import { assert } from "@std/assert";
import { eventually, RawClient, temporaryFolder } from "../helpers.ts";
import { test } from "../testing.ts";
import { partAddress, startProgram } from "./program.ts";

const MAX_FILES = 200;

test("a server of up that may open no more files closes whom it cannot take, and takes others when there is room", async () => {
  using folder = temporaryFolder();
  const args = [
    "--servers",
    "1",
    "--listen",
    "127.0.0.1:0",
    "--data",
    `${folder.path}/data`,
    "--grace",
    "100ms",
  ];
  await using up = startProgram(["up", ...args], { maxFiles: MAX_FILES });
  const tcp = partAddress(await up.ready(), "tcp");
  let served = 0;
  {
    await using stack = new AsyncDisposableStack();
    for (let closed = 0; closed < 3; ) {
      assert(served < MAX_FILES, "more are served than there can be files");
      const client = stack.use(await RawClient.connect(tcp));
      const isServed = await Promise.race([
        client.ask({ type: "ping" }).then(() => true),
        client.closed.then(() => false),
      ]).catch(() => false);
      if (isServed) served += 1;
      else closed += 1;
    }
  }
  assert(served > MAX_FILES / 3, `${served} are served`);
  await eventually("room again", async () => {
    await using late = await RawClient.connect(tcp);
    return await late.ask({ type: "ping" }).then(
      ({ type }) => type === "pong",
      () => false,
    );
  });
});
