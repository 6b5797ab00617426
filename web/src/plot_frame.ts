/* What the figures have in common: size, margins, axes with their names, and how a mark looks. */

import * as Plot from "@observablehq/plot";
import { seriesColor, seriesSymbols } from "./series";

export type Mark = Plot.Markish;

export interface Axis {
  name: string;
  type: "linear" | "log";
  domain: [number, number];
  ticks: number[];
  label: (tick: number) => string;
}

export const margin = { left: 52, right: 14, top: 30 };
export const quiet = { fill: "var(--muted)", fontSize: 11 };

/** `tilted`: the names along the axis are long and close, and stand at an angle. */
export function drawPlot(width: number, x: Axis, y: Axis, marks: Mark[], tilted = false): Element {
  const name = { fill: "var(--muted)" };
  const frame: Mark[] = [
    Plot.gridY(y.ticks, { stroke: "var(--grid)", strokeOpacity: 1 }),
    // The names as `text`: of a `tickFormat` Plot leaves out what it has no room for by its own rule.
    Plot.axisY(y.ticks, { label: null, tickSize: 0, text: y.label }),
    Plot.axisX(x.ticks, {
      label: null,
      tickSize: 4,
      tickRotate: tilted ? -30 : 0,
      text: x.label,
    }),
    Plot.text([`↑ ${y.name}`], { ...name, frameAnchor: "top-left", dx: -46, dy: -24 }),
    Plot.text([`${x.name} →`], { ...name, frameAnchor: "bottom-right", dy: tilted ? 72 : 42 }),
  ];
  const options = {
    width,
    height: Math.round(Math.max(300, Math.min(440, width * 0.56))),
    marginLeft: margin.left,
    marginRight: margin.right,
    marginTop: margin.top,
    marginBottom: tilted ? 76 : 46,
    x: { type: x.type, domain: x.domain, label: null },
    y: { type: y.type, domain: y.domain, label: null },
    color: { type: "identity" },
    symbol: { type: "identity" }, // names of shapes; Plot's types know it for colours only
    marks: [...frame, ...marks],
  };
  return Plot.plot(options as Plot.PlotOptions);
}

interface OfSeries {
  series: number;
}

export const color = (point: OfSeries) => seriesColor(point.series);
export const symbol = (point: OfSeries) => seriesSymbols[point.series % seriesSymbols.length]!;

/** A mark as it stands in the legend. */
export const outlined = { symbol, fill: "var(--card)", stroke: color };

/** More bands than these would hide each other. */
export function bandsFit(nSeries: number): boolean {
  return nSeries <= 3;
}

type Channel<Point> = string | ((point: Point) => number | string | null);

/** The quartiles: a band for each series, or a bar of that width at each point. */
export function spreadMark<Point extends OfSeries>(
  points: Point[],
  ends: { x: Channel<Point>; y1: Channel<Point>; y2: Channel<Point> },
  shape: "band" | number,
): Mark {
  return shape === "band"
    ? Plot.areaY(points, { ...ends, z: "series", fill: color, fillOpacity: 0.13 })
    : Plot.ruleX(points, { ...ends, stroke: color, strokeOpacity: 0.3, strokeWidth: shape });
}

/** What the point next to the pointer says of itself; lines that are undefined are left out. */
export function tips<Point extends OfSeries>(
  points: Point[],
  at: { x: Channel<Point>; y: Channel<Point> },
  lines: (point: Point) => (string | undefined)[],
): Mark {
  return Plot.tip(
    points,
    Plot.pointer({
      ...at,
      title: (point: Point) =>
        lines(point)
          .filter((line) => line !== undefined)
          .join("\n"),
      maxRadius: 60,
      lineHeight: 1.35,
      textPadding: 10,
      stroke: "var(--line)",
    }),
  );
}
