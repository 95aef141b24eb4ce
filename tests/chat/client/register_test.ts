import { assertEquals, assertRejects } from "@std/assert";
import { ChatError, type Dial, registerChat } from "../../../src/chat/mod.ts";
import { test } from "../../testing.ts";

/** A server that gives one answer to whatever is asked, or none; and what was asked. */
function answering(answer?: object): { readonly dial: Dial; readonly asked: object[]; closed: number } {
  const server = {
    asked: [] as object[],
    closed: 0,
    dial: (async (handler) => ({
      write(json) {
        const { id, ...rest } = JSON.parse(json);
        server.asked.push(rest);
        if (answer) setImmediate(() => handler.line(JSON.stringify({ ...answer, id })));
      },
      close() {
        server.closed += 1;
        handler.close();
      },
      abort: handler.close,
    })) satisfies Dial,
  };
  return server;
}

const ADA = { name: "ada", password: "secret" };

test("registerChat() asks for an account and closes its connection", async () => {
  const server = answering({ type: "ok", user: "ada" });
  await registerChat({ dial: server.dial, ...ADA });
  assertEquals([server.asked, server.closed], [[{ type: "register", ...ADA }], 1]);
});

test("registerChat() rejects with the server's code, and closes its connection", async () => {
  const server = answering({ type: "error", code: "name_taken", message: "taken" });
  const error = await assertRejects(() => registerChat({ dial: server.dial, ...ADA }), ChatError);
  assertEquals([error.code, server.closed], ["name_taken", 1]);
});

test("registerChat() is unavailable when the server does not answer in time", async () => {
  const server = answering();
  const late = () => registerChat({ dial: server.dial, ...ADA, timeoutMs: 1 });
  const { code } = await assertRejects(late, ChatError);
  assertEquals(code, "unavailable");
});
