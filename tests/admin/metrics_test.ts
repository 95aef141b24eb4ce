import { setImmediate } from "node:timers";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { expose } from "../../src/admin/metrics.ts";
import type { MetricFamily } from "../../src/admin/mod.ts";
import { test } from "../testing.ts";
import { startWith, urlOf } from "./requests.ts";

const CONNECTIONS: MetricFamily = {
  name: "chorus_backend_connections",
  help: "Connections now.",
  type: "gauge",
  samples: [
    { labels: { pool: "chat", backend: "10.0.0.7:6000" }, value: 3 },
    { labels: { pool: "chat", backend: "[::1]:6000" }, value: 0.5 },
  ],
};

async function scrape(families: readonly MetricFamily[]): Promise<string> {
  await using admin = await startWith({ metrics: () => families });
  const response = await fetch(urlOf(admin, "/metrics"));
  assertEquals(
    [response.status, response.headers.get("content-type")],
    [200, "text/plain; version=0.0.4; charset=utf-8"],
  );
  return await response.text();
}

test("/metrics writes gauges and counters as Prometheus reads them", async () => {
  const refused: MetricFamily = {
    name: "chorus_refused_total",
    help: "Clients that were refused.",
    type: "counter",
    samples: new Map([["denied", 2]]).entries().map(([reason, value]) => ({ labels: { reason }, value })),
  };
  assertEquals(
    await scrape([CONNECTIONS, refused, { ...CONNECTIONS, name: "none", samples: [] }]),
    [
      "# HELP chorus_backend_connections Connections now.",
      "# TYPE chorus_backend_connections gauge",
      'chorus_backend_connections{pool="chat",backend="10.0.0.7:6000"} 3',
      'chorus_backend_connections{pool="chat",backend="[::1]:6000"} 0.5',
      "# HELP chorus_refused_total Clients that were refused.",
      "# TYPE chorus_refused_total counter",
      'chorus_refused_total{reason="denied"} 2',
      "# HELP none Connections now.",
      "# TYPE none gauge",
      "",
    ].join("\n"),
  );
});

test("/metrics writes histograms of ready buckets, with what is above the last bound in +Inf", async () => {
  const counted = { bounds: [0.005, 1, 10], counts: [1, 4, 4], sum: 61.5, count: 5 };
  const text = await scrape([
    {
      name: "chorus_connect_seconds",
      help: "Time to connect.",
      type: "histogram",
      samples: [{ labels: { pool: "chat" }, histogram: counted }],
    },
  ]);
  assertEquals(
    text,
    [
      "# HELP chorus_connect_seconds Time to connect.",
      "# TYPE chorus_connect_seconds histogram",
      'chorus_connect_seconds_bucket{le="0.005",pool="chat"} 1',
      'chorus_connect_seconds_bucket{le="1",pool="chat"} 4',
      'chorus_connect_seconds_bucket{le="10",pool="chat"} 4',
      'chorus_connect_seconds_bucket{le="+Inf",pool="chat"} 5',
      'chorus_connect_seconds_sum{pool="chat"} 61.5',
      'chorus_connect_seconds_count{pool="chat"} 5',
      "",
    ].join("\n"),
  );
});

test("/metrics escapes what a label or a help text holds, so that no name can add a line", async () => {
  const name = 'a"} 1\nevil{x="\\';
  const text = await scrape([
    {
      name: "chorus_up",
      help: "One\nline \\ only.",
      type: "gauge",
      samples: [{ labels: { name }, value: 1 }],
    },
  ]);
  assertEquals(text.trim().split("\n"), [
    "# HELP chorus_up One\\nline \\\\ only.",
    "# TYPE chorus_up gauge",
    'chorus_up{name="a\\"} 1\\nevil{x=\\"\\\\"} 1',
  ]);
});

test("/metrics shows values that are no plain numbers as Prometheus writes them", async () => {
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21, 0.000_000_1];
  const samples = values.map((value, index) => ({ labels: { index: String(index) }, value }));
  const text = await scrape([{ name: "odd", help: "Odd.", type: "gauge", samples }]);
  const found = text.match(/(?<=\} ).+$/gm);
  assertEquals(found, ["Nan", "+Inf", "-Inf", "1e+21", "1e-7"]);
});

test("/metrics is read anew at each scrape, with what the process uses", async () => {
  let value = 1;
  const metrics = (): MetricFamily[] => [{ ...CONNECTIONS, type: "gauge", samples: [{ labels: {}, value }] }];
  const usage = () => ({
    residentBytes: 5_000_000,
    cpuSeconds: 1.5,
    startedAtSeconds: 1.7e9,
    openSockets: 4,
  });
  await using admin = await startWith({ metrics }, { usage });
  const get = async () => await (await fetch(urlOf(admin, "/metrics"))).text();
  const first = await get();
  for (const line of [
    "chorus_backend_connections 1",
    "process_resident_memory_bytes 5000000",
    "process_cpu_seconds_total 1.5",
    "process_start_time_seconds 1700000000",
    "chorus_open_sockets 4",
  ])
    assertStringIncludes(first, `\n${line}\n`);
  value = 2;
  assertStringIncludes(await get(), "\nchorus_backend_connections 2\n");
});

test("a family that comes twice is 500 and told, not half an answer", async () => {
  const failures: unknown[] = [];
  const handler = { error: (error: unknown) => failures.push(error) };
  await using admin = await startWith({ metrics: () => [CONNECTIONS, { ...CONNECTIONS }] }, { handler });
  const response = await fetch(urlOf(admin, "/metrics"));
  assertEquals([response.status, await response.json()], [500, { error: "internal" }]);
  assertStringIncludes(String(failures[0]), "chorus_backend_connections");
});

test("/metrics of many samples comes in pieces: each line once, below one head, and others are served meanwhile", async () => {
  const samples = Array.from({ length: 2500 }, (_, index) => ({
    labels: { index: `${index}` },
    value: index,
  }));
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const { text } = await expose([{ name: "many", help: "Many.", type: "gauge", samples }]);
  isOver = true;
  const [help, type, ...lines] = text.trimEnd().split("\n");
  assertEquals([help, type], ["# HELP many Many.", "# TYPE many gauge"]);
  assertEquals(
    lines,
    samples.map(({ value }) => `many{index="${value}"} ${value}`),
  );
  assert(turns >= 3, `it was one piece: ${turns} turns`);
});
