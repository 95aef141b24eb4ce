import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { ManualClock, wait } from "../../src/async/mod.ts";
import { type Address, hostOf, NetError, openHandles } from "../../src/net/mod.ts";
import { connectionPair, LOOPBACK, patternAt, Recorder } from "./recording.ts";
import { type Subject, testOf } from "./subject.ts";

async function failure(body: () => Promise<unknown>): Promise<NetError> {
  return await assertRejects(body, NetError);
}

function unixFolder(): Disposable & { readonly address: Address & { path: string } } {
  const folder = mkdtempSync(join(tmpdir(), "chorus-net-"));
  return {
    address: { path: join(folder, "socket") },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What every driver promises about listening and connecting. */
export function testDials(subject: Subject): void {
  const promise = testOf(subject);

  promise("refused: nobody listens at the address", async ({ driver }) => {
    const listener = await driver.listen(LOOPBACK, () => new Recorder());
    await listener.close();
    const error = await failure(() => driver.connect(listener.address, new Recorder()));
    assertEquals(error.code, "refused");
    assert(error.message.startsWith("Cannot connect to 127.0.0.1:"));
  });

  promise("timeout: nobody answers", async () => {
    const clock = new ManualClock();
    const { driver, hang } = subject.make({ clock });
    await using hanging = await hang();
    const handles = openHandles();
    const dialing = failure(() => driver.connect(hanging.address, new Recorder(), { timeoutMs: 700 }));
    clock.advance(699);
    assertEquals(clock.pending, 1);
    clock.advance(1);
    assertEquals((await dialing).code, "timeout");
    assertEquals(clock.pending, 0);
    hanging.release();
    await leftOpen(handles);
  });

  promise("a signal ends a dial with its reason", async ({ driver, hang }) => {
    await using hanging = await hang();
    const handles = openHandles();
    const controller = new AbortController();
    const dialing = driver.connect(hanging.address, new Recorder(), { signal: controller.signal });
    const reason = new Error("no longer wanted");
    controller.abort(reason);
    assertEquals(await dialing.catch((error: unknown) => error), reason);
    hanging.release();
    await leftOpen(handles);
  });

  promise("a signal that was aborted before ends a dial at once", async ({ driver }) => {
    const signal = AbortSignal.abort(new Error("too late"));
    await assertRejects(() => driver.connect(LOOPBACK, new Recorder(), { signal }), Error, "too late");
  });

  promise("a signal has no effect once connected", async ({ driver }) => {
    const accepted = new Recorder();
    accepted.onEnd = (connection) => connection.end();
    await using listener = await driver.listen(LOOPBACK, () => accepted);
    const controller = new AbortController();
    const recorder = new Recorder();
    const { signal } = controller;
    const connection = await driver.connect(listener.address, recorder, { signal });
    controller.abort();
    connection.write(patternAt(0, 10));
    await accepted.received(10);
    connection.end();
    assertEquals((await recorder.closed).reason, "finished");
  });

  promise("each side knows both addresses", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const { client, server, listener } = pair;
    assertEquals(client.connection.remote, listener.address);
    assertEquals(server.connection.local, listener.address);
    assertEquals(client.connection.local, server.connection.remote);
    assertNotEquals(client.connection.local, client.connection.remote);
  });

  promise("each side knows the address that was meant by that of every address", async ({ driver }) => {
    await using pair = await connectionPair(driver, { host: "0.0.0.0", port: 0 });
    const { client, server } = pair;
    assertEquals(client.connection.remote, server.connection.local);
    assertEquals(client.connection.local, server.connection.remote);
  });

  promise("connects from the local address that it is told", async ({ driver }) => {
    const remote = Promise.withResolvers<Address>();
    await using listener = await driver.listen(LOOPBACK, (connection) => {
      remote.resolve(connection.remote);
      connection.close();
      return new Recorder();
    });
    const recorder = new Recorder();
    const connection = await driver.connect(listener.address, recorder, { localAddress: "127.0.0.7" });
    assertEquals(hostOf(await remote.promise), "127.0.0.7");
    connection.close();
    await recorder.closed;
  });

  promise("not_available: the local address is not of this machine", async ({ driver }) => {
    const options = { localAddress: "203.0.113.1" };
    const error = await failure(() =>
      driver.connect({ host: "127.0.0.1", port: 9 }, new Recorder(), options),
    );
    assertEquals(error.code, "not_available");
  });

  promise("a client that comes by IPv4 to an IPv6 listener has one host", async ({ driver }) => {
    const remote = Promise.withResolvers<Address>();
    await using listener = await driver.listen({ host: "::", port: 0 }, (connection) => {
      remote.resolve(connection.remote);
      connection.close();
      return new Recorder();
    });
    const port = "port" in listener.address ? listener.address.port : 0;
    const recorder = new Recorder();
    const connection = await driver.connect({ host: "127.0.0.1", port }, recorder);
    assertEquals(hostOf(await remote.promise), "127.0.0.1");
    connection.close();
    await recorder.closed;
  });

  promise("looks a host name up", async ({ driver }) => {
    await using listener = await driver.listen({ host: "localhost", port: 0 }, (connection) => {
      connection.close();
      return new Recorder();
    });
    const port = "port" in listener.address ? listener.address.port : 0;
    const recorder = new Recorder();
    const connection = await driver.connect({ host: "localhost", port }, recorder);
    connection.close();
    assertEquals((await recorder.closed).reason, "closed");
  });

  testListeners(subject);
  testUnix(subject);
  testFirstBytes(subject);
}

function testListeners(subject: Subject): void {
  const promise = testOf(subject);

  promise("in_use: another listener has the address", async ({ driver }) => {
    await using listener = await driver.listen(LOOPBACK, () => new Recorder());
    const error = await failure(() => driver.listen(listener.address, () => new Recorder()));
    assertEquals(error.code, "in_use");
  });

  promise("not_available: the address to listen on is not of this machine", async ({ driver }) => {
    const error = await failure(() => driver.listen({ host: "203.0.113.1", port: 0 }, () => new Recorder()));
    assertEquals(error.code, "not_available");
  });

  promise("shares a port between listeners that ask for it", async ({ driver }) => {
    const accept = (): Recorder => new Recorder();
    await using one = await driver.listen(LOOPBACK, accept, { reusePort: true });
    await using other = await driver.listen(one.address, accept, { reusePort: true });
    assertEquals(other.address, one.address);
  });

  promise("live connections outlive their listener, whose port is free at once", async ({ driver }) => {
    await using pair = await connectionPair(driver);
    const closing = pair.listener.close();
    assertEquals(pair.listener.close(), closing);
    await closing;
    await using again = await driver.listen(pair.listener.address, () => new Recorder());
    assertEquals(again.address, pair.listener.address);
    pair.client.connection.write(patternAt(0, 10));
    await pair.server.recorder.received(10);
  });

  promise("an accept that throws costs one connection, and is reported", async ({ driver }) => {
    const errors: unknown[] = [];
    let isFirst = true;
    const kept = new Recorder();
    kept.onEnd = (connection) => connection.end();
    const accept = (): Recorder => {
      if (!isFirst) return kept;
      isFirst = false;
      throw new Error("thrown in accept");
    };
    const onError = (error: Error, { during }: { during: string }): void => {
      errors.push([error.message, during]);
    };
    await using listener = await driver.listen(LOOPBACK, accept, { onError });
    const lost = new Recorder();
    // The reset may be there before the dial is told that it is open.
    const dialed = await driver.connect(listener.address, lost).catch((error: NetError) => error.code);
    if (typeof dialed === "string") assertEquals(dialed, "reset");
    else await lost.gone.then(() => dialed.close());
    const recorder = new Recorder();
    const connection = await driver.connect(listener.address, recorder);
    connection.end();
    assertEquals((await recorder.closed).reason, "finished");
    assertEquals(errors, [["thrown in accept", "handler"]]);
  });
}

function testUnix(subject: Subject): void {
  const promise = testOf(subject);

  promise("talks over a unix socket and removes its file", async ({ driver }) => {
    using folder = unixFolder();
    {
      await using pair = await connectionPair(driver, folder.address);
      pair.client.connection.write(patternAt(0, 1_000_000));
      await pair.server.recorder.received(1_000_000);
      assertEquals(pair.client.connection.remote, folder.address);
      assertEquals(pair.server.connection.local, folder.address);
      assertEquals(pair.server.connection.remote, { path: "" });
    }
    assert(!existsSync(folder.address.path));
  });

  promise("replaces a unix socket's file whose process is dead", async ({ driver }) => {
    using folder = unixFolder();
    await leaveSocketFile(folder.address.path);
    assert(existsSync(folder.address.path));
    await using pair = await connectionPair(driver, folder.address);
    pair.client.connection.write(patternAt(0, 10));
    await pair.server.recorder.received(10);
  });

  promise("in_use: a unix socket on which somebody listens is not replaced", async ({ driver }) => {
    using folder = unixFolder();
    await using pair = await connectionPair(driver, folder.address);
    const error = await failure(() => driver.listen(folder.address, () => new Recorder()));
    assertEquals(error.code, "in_use");
    pair.client.connection.write(patternAt(0, 10));
    await pair.server.recorder.received(10);
  });

  promise("not_found: there is no such unix socket", async ({ driver }) => {
    using folder = unixFolder();
    const error = await failure(() => driver.connect(folder.address, new Recorder()));
    assertEquals(error.code, "not_found");
  });
}

/** A dial that cannot be stopped opens after its deadline, and is aborted then. */
async function leftOpen(handles: number): Promise<void> {
  for (let tries = 0; tries < 1000 && openHandles() > handles; tries++) await wait(10);
  assertEquals(openHandles(), handles);
}

/** A socket's file that is renamed is not removed when the socket is closed. */
async function leaveSocketFile(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.old`, resolve));
  renameSync(`${path}.old`, path);
  await new Promise((resolve) => server.close(resolve));
}

function testFirstBytes(subject: Subject): void {
  const promise = testOf(subject);

  promise(
    "a handler that is set right after connecting gets the first bytes of a server that speaks first",
    async ({ driver }) => {
      await using listener = await driver.listen(LOOPBACK, (connection) => {
        connection.write(Uint8Array.of(1, 2, 3));
        connection.end();
        return new Recorder();
      });
      let early = 0;
      const dials = Array.from({ length: 100 }, async () => {
        const connection = await driver.connect(listener.address, {
          data: () => {
            early += 1;
          },
          close: () => undefined,
        });
        const recorder = new Recorder();
        connection.handle(recorder);
        await recorder.ended;
        connection.end();
        await recorder.closed;
        return recorder.bytes;
      });
      assertEquals(
        await Promise.all(dials),
        Array.from({ length: 100 }, () => 3),
      );
      assertEquals(early, 0);
    },
  );
}
