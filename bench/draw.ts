/**
 * The picture of a scenario.
 *
 * @module
 */

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { type Panel, panelsOf } from "./chart.ts";
import type { Row, Scenario } from "./contract.ts";
import { type RowSamples, show } from "./report.ts";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 720;
const TITLE_HEIGHT = 28;
const BAR_HEIGHT = 24;
/** Of a panel, for its axis and its name. */
const FRAME_HEIGHT = 56;
/** Of the middle, so that each can be told from white and from black. */
const COLORS: Readonly<Record<Row["kind"], string>> = {
  ours: "#2f81f7",
  peer: "#d9822b",
  control: "#8b949e",
  direct: "#57a773",
};
/** Of a name of a row, about. */
const CHARACTER_WIDTH = 7;
/** Below the last panel. */
const BOTTOM = 8;
/** Texts and lines have the current color: whoever prefers dark sees them light, also where the picture stands as a file. */
const STYLE = `
svg { color: #1f2328; font: 12px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3; } }
`;

/**
 * Draws a scenario as SVG: a bar for the median of each row, a line from the least to the most of its rounds, and a dashed line where the
 * baseline is.
 */
export function draw(scenario: Scenario, rows: readonly RowSamples[]): string {
  const { document } = parseHTML("<html></html>");
  const panels = panelsOf(scenario, rows);
  const picture = document.createElementNS(SVG, "svg");
  const style = document.createElementNS(SVG, "style");
  style.textContent = STYLE;
  const title = document.createElementNS(SVG, "text");
  title.textContent = `${scenario.name}: ${scenario.title}`;
  setAll(title, { x: "8", y: "18", "font-weight": "600", fill: "currentColor" });
  picture.append(style, title);
  let top = TITLE_HEIGHT;
  for (const panel of panels) {
    const plot = plotOf(panel, document);
    setAll(plot, { y: `${top}` });
    picture.append(plot);
    top += heightOf(panel);
  }
  top += BOTTOM;
  setAll(picture, {
    xmlns: SVG,
    role: "img",
    width: `${WIDTH}`,
    height: `${top}`,
    viewBox: `0 0 ${WIDTH} ${top}`,
  });
  return `${picture.outerHTML}\n`;
}

function heightOf({ bars }: Panel): number {
  return FRAME_HEIGHT + bars.length * BAR_HEIGHT;
}

function plotOf(panel: Panel, document: Document): Element {
  const { metric, bars, baseline } = panel;
  return Plot.plot({
    document,
    width: WIDTH,
    height: heightOf(panel),
    marginLeft: Math.max(120, ...bars.map(({ row }) => row.length * CHARACTER_WIDTH)),
    marginRight: 80,
    x: { label: `${metric.name}, ${metric.unit}`, grid: true, zero: true },
    y: { label: null, domain: bars.map(({ row }) => row), tickSize: 0 },
    color: { domain: Object.keys(COLORS), range: Object.values(COLORS) },
    marks: [
      Plot.barX(bars, { x: "median", y: "row", fill: "kind", insetTop: 3, insetBottom: 3 }),
      Plot.ruleY(bars, { x1: "min", x2: "max", y: "row", strokeWidth: 1.5 }),
      Plot.tickX(bars, { x: "min", y: "row", insetTop: 7, insetBottom: 7 }),
      Plot.tickX(bars, { x: "max", y: "row", insetTop: 7, insetBottom: 7 }),
      Plot.text(bars, {
        x: "max",
        y: "row",
        text: ({ median }) => show(median, metric),
        textAnchor: "start",
        dx: 6,
      }),
      ...(baseline === undefined
        ? []
        : [Plot.ruleX([baseline], { strokeDasharray: "3 3", strokeOpacity: 0.6 })]),
    ],
  });
}

function setAll(element: Element, attributes: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}
