import { html } from "htm/preact";
import type { VNode } from "preact";
import uPlot from "uplot";
import type { Measure, Trend } from "./trend.ts";

/** One line of a chart. */
export interface ChartLine {
  readonly label: string;
  readonly measure: Measure;
}

/** What one chart shows. */
export interface ChartSpec {
  readonly title: string;
  readonly lines: readonly ChartLine[];
  words(value: number): string;
}

const HEIGHT = 150;
/** Room for what stands at the left. */
const AXIS_WIDTH = 70;

/** The charts that are on the page. Each belongs to its element, and goes with it. */
const drawn = new Map<HTMLElement, Drawn>();

const TIME = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

interface Drawn {
  readonly plot: uPlot;
  readonly resized: ResizeObserver;
}

/** The style of the page; what it says of colors may change with the light. */
const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", () => {
  for (const element of [...drawn.keys()]) forget(element);
});

/** A chart, and in words what it shows now. */
export function Chart({ spec, trend }: { readonly spec: ChartSpec; readonly trend: Trend }): VNode {
  const now = spec.lines.map(({ label, measure }) => {
    const last = trend.last(measure) ?? Number.NaN;
    return `${label} ${Number.isNaN(last) ? "–" : spec.words(last)}`;
  });
  return html`<figure class="chart">
    <figcaption><span>${spec.title}</span> <b>${now.join(", ")}</b></figcaption>
    <div class="plot" aria-hidden="true" ref=${(element: HTMLElement | null) => element && draw(element, spec, trend)}></div>
  </figure>`;
}

/** Ends the charts that are no longer on the page. */
export function sweepCharts(): void {
  for (const element of [...drawn.keys()]) if (!element.isConnected) forget(element);
}

function draw(element: HTMLElement, spec: ChartSpec, trend: Trend): void {
  const data = [trend.values("time"), ...spec.lines.map(({ measure }) => trend.values(measure))];
  const found = drawn.get(element);
  // uPlot takes one line of values for each series, of any array-like kind.
  if (found) found.plot.setData(data as unknown as uPlot.AlignedData);
  else drawn.set(element, start(element, spec, data as unknown as uPlot.AlignedData));
}

function start(element: HTMLElement, spec: ChartSpec, data: uPlot.AlignedData): Drawn {
  const plot = new uPlot(optionsOf(element, spec), data, element);
  const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
  resized.observe(element);
  return { plot, resized };
}

function forget(element: HTMLElement): void {
  const found = drawn.get(element);
  found?.resized.disconnect();
  found?.plot.destroy();
  drawn.delete(element);
}

function optionsOf(element: HTMLElement, spec: ChartSpec): uPlot.Options {
  const style = getComputedStyle(element);
  const colorOf = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colorOf("--quiet"),
    grid: { stroke: colorOf("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(100, element.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.05 : 1] } },
    axes: [
      { ...axis, size: 30, values: (_, splits) => splits.map((split) => TIME.format(split * 1000)) },
      { ...axis, size: AXIS_WIDTH, values: (_, splits) => splits.map((split) => spec.words(split)) },
    ],
    series: [
      {},
      ...spec.lines.map(({ label }, index) => ({
        label,
        stroke: colorOf(index === 0 ? "--first" : "--second"),
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}
