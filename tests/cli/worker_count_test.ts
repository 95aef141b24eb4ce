import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/errors.ts";
import { countWorkers } from "../../src/cli/worker_count.ts";
import { test } from "../testing.ts";

const NOTHING = { workers: undefined, kind: "processes", maxConnections: undefined, room: 1000 } as const;

test("there is one worker unless another number is asked for, or more clients than one process can hold", () => {
  const counts = [
    {},
    { workers: 1 },
    { workers: 3 },
    { maxConnections: 1000 },
    { maxConnections: 1001 },
    { maxConnections: 4000 },
  ];
  assertEquals(
    counts.map((asked) => countWorkers({ ...NOTHING, ...asked }).workers),
    [1, 1, 3, 1, 2, 5],
  );
});

test("a number that is asked for counts, also where it has too little room, and threads share that of one process", () => {
  const asked = { maxConnections: 5000 };
  assertEquals(countWorkers({ ...NOTHING, ...asked, workers: 2 }), { workers: 2, fitting: 1900 });
  assertEquals(countWorkers({ ...NOTHING, ...asked, workers: 1 }), { workers: 1, fitting: 1000 });
  assertEquals(countWorkers({ ...NOTHING, ...asked, kind: "threads" }), { workers: 1, fitting: 1000 });
  assertEquals(countWorkers({ ...NOTHING, ...asked, kind: "threads", workers: 4 }), {
    workers: 4,
    fitting: 1000,
  });
});

test("more clients than any number of workers can hold are a mistake", () => {
  assertThrows(() => countWorkers({ ...NOTHING, maxConnections: 1_000_000 }), UsageError, "raise the limit");
});
