/* What the figures have in common: size, margins, axes with their names, colours as they are. */

import * as Plot from "@observablehq/plot";

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
