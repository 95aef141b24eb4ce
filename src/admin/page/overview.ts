import { html } from "htm/preact";
import type { VNode } from "preact";
import { Chart, type ChartSpec } from "./chart.ts";
import type { Model } from "./model.ts";
import type { Trend } from "./trend.ts";
import type { Shell, Ui } from "./ui.ts";
import { byteWords, countWords, latencyWords } from "./words.ts";

const CONNECTIONS: ChartSpec = {
  title: "Connections",
  lines: [{ label: "", measure: "connections" }],
  words: countWords,
};

/** What is known only where the balancer dials the backends and carries the bytes, which by hand-over it does not. */
const CARRYING: readonly ChartSpec[] = [
  {
    title: "Throughput",
    lines: [
      { label: "in", measure: "bytesIn" },
      { label: "out", measure: "bytesOut" },
    ],
    words: (bytes) => `${byteWords(bytes)}/s`,
  },
  { title: "Connect time", lines: [{ label: "", measure: "connectMs" }], words: latencyWords },
];

/** A backend has none: they wait for any of its pool. */
const WAITING: ChartSpec = {
  title: "Waiting clients",
  lines: [{ label: "", measure: "waiting" }],
  words: countWords,
};

const CHATTING: readonly ChartSpec[] = [
  { title: "Sessions", lines: [{ label: "", measure: "sessions" }], words: countWords },
  {
    title: "Messages stored",
    lines: [{ label: "", measure: "received" }],
    words: (count) => `${countWords(count)}/s`,
  },
];

interface Shown {
  readonly model: Model;
  readonly ui: Ui;
  readonly trend: Trend;
  readonly shell: Shell;
}

/** The charts of what is looked at, over the last ten minutes. */
export function Overview({ model, ui, trend, shell }: Shown): VNode {
  const { scope } = ui;
  const specs = [
    ...(model.pools.length > 0 ? [CONNECTIONS] : []),
    ...(poolsOf(model, scope).some((pool) => model.carriesBytes(pool)) ? CARRYING : []),
    ...(model.pools.length > 0 && scope.kind !== "backend" ? [WAITING] : []),
    ...(model.servers.length > 0 && scope.kind === "all" ? CHATTING : []),
  ];
  const title =
    scope.kind === "all" ? "Everything" : `${scope.kind === "pool" ? "Pool" : "Backend"} ${scope.name}`;
  return html`<section aria-labelledby="overview">
    <h2 id="overview">${title}
      ${scope.kind === "all" ? "" : html` <button onClick=${() => shell.change({ scope: { kind: "all" } })}>Show everything</button>`}</h2>
    <div class="charts">${specs.map((spec) => html`<${Chart} key=${spec.title} spec=${spec} trend=${trend} />`)}</div>
  </section>`;
}

/** The names of the pools that are looked at. */
function poolsOf({ pools, backends }: Model, scope: Ui["scope"]): readonly string[] {
  switch (scope.kind) {
    case "all":
      return pools.map(({ name }) => name);
    case "pool":
      return [scope.name];
    case "backend":
      return backends.filter(({ key }) => key === scope.key).map(({ pool }) => pool);
  }
}
