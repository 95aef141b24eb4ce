import { assert, assertEquals } from "@std/assert";
import { NetError, toNetError } from "../../src/net/mod.ts";
import { test } from "../testing.ts";

test("toNetError() gives a system's code its name and keeps the cause", () => {
  const cause = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const error = toNetError(cause, "connect to 10.0.0.7:6000");
  assertEquals([error.code, error.message], ["refused", "Cannot connect to 10.0.0.7:6000: refused"]);
  assert(error.cause === cause);
});

test("toNetError() tells the message of what it does not know", () => {
  const error = toNetError(new Error("something new"), "listen on :::80");
  assertEquals([error.code, error.message], ["unknown", "Cannot listen on :::80: something new"]);
  assertEquals(toNetError("text", "go on").code, "unknown");
});

test("toNetError() leaves a NetError as it is", () => {
  const error = new NetError("timeout", "Cannot connect: timeout");
  assert(toNetError(error, "go on") === error);
});
