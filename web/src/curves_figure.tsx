/* The second figure: test accuracy against steps or training time, single trials and their median. */

import * as Plot from "@observablehq/plot";
import type { CurveRow } from "./api_types";
import { capCurves, type Curve, type CurveAxis, curvesOf, medianCurve } from "./curves";
import type { Field } from "./fields";
import { count, target, valueName } from "./format";
import { PlotBox, SeriesLegend, seriesColor, seriesSymbols } from "./plot_box";
import { linearTicks, logTicks } from "./scales";

const linesPerSeries = 40;

interface Props {
  rows: CurveRow[];
  cut: boolean;
  series: Field | null;
  held: Record<string, string>;
  axis: CurveAxis;
  log: boolean;
  goal: number | null;
  version: string;
}

export function CurvesFigure({ rows, cut, series, held, axis, log, goal, version }: Props) {
  const all = curvesOf(rows, axis, series, held);
  const labels = series?.values.map((value) => valueName(series.name, value)) ?? [];
  const frame: Frame = { all, shown: capCurves(all, linesPerSeries), axis, log, goal,
    nSeries: Math.max(1, labels.length) };
  const left = all.length - frame.shown.length;
  return (
    <figure>
      <SeriesLegend labels={labels} />
      <PlotBox version={version} label={describe(frame, labels)} draw={(width) => drawCurves(frame, width)} />
      <figcaption>
        Thin lines: single trials ({count(frame.shown.length)}{left > 0 ? `, ${count(left)} more not drawn` : ""}
        {cut ? ", more not loaded" : ""}); bold: their median, as long as all of them train.
      </figcaption>
    </figure>
  );
}

interface Frame {
  all: Curve[];
  shown: Curve[];
  axis: CurveAxis;
  log: boolean;
  goal: number | null;
  nSeries: number;
}

function describe({ all, axis }: Frame, labels: string[]): string {
  const of = labels.length > 1 ? ` for ${labels.join(", ")}` : "";
  return `Test accuracy against ${axis === "step" ? "optimizer steps" : "training seconds"}${of}: ${count(all.length)} trials.`;
}

function drawCurves(frame: Frame, width: number): Element {
  const { all, shown, axis, log, goal, nSeries } = frame;
  const xs = all.flatMap((curve) => curve.points.map((point) => point.x)).filter((x) => x > 0 || !log);
  const high = Math.max(log ? 1e-9 : 0, ...extent(xs, Math.max)) || 1;
  const low = log ? Math.min(high / 10, ...extent(xs, Math.min)) : 0;
  const thin = shown.flatMap((curve) => curve.points.filter((point) => point.x >= low)
    .map((point) => ({ ...point, trial: curve.trial, series: curve.series })));
  const ends = shown.filter((curve) => curve.ended && curve.points.length > 0)
    .map((curve) => ({ ...curve.points.at(-1)!, series: curve.series }));
  const bold = Array.from({ length: nSeries }, (_, series) =>
    medianCurve(all.filter((curve) => curve.series === series))
      .filter((point) => point.x >= low)
      .map((point) => ({ ...point, series }))).flat();
  const color = (point: { series: number }) => seriesColor(point.series);
  const ticks = log ? logTicks(low, high) : linearTicks(0, high, width < 500 ? 4 : 7);
  const opacity = Math.max(0.12, Math.min(0.45, 12 / Math.max(1, shown.length)));

  return Plot.plot({
    width, height: Math.round(Math.max(300, Math.min(440, width * 0.56))),
    marginLeft: 52, marginBottom: 46, marginTop: 30, marginRight: 14,
    x: { type: log ? "log" : "linear", domain: [low, high], label: null },
    y: { domain: [0, 1], label: null },
    color: { type: "identity" },
    symbol: { type: "identity" },
    marks: [
      Plot.gridY([0, 0.2, 0.4, 0.6, 0.8, 1], { stroke: "var(--grid)", strokeOpacity: 1 }),
      Plot.axisY([0, 0.2, 0.4, 0.6, 0.8, 1], { label: null, tickSize: 0, tickFormat: (t: number) => `${Math.round(t * 100)} %` }),
      Plot.axisX(ticks, { label: null, tickSize: 4, tickFormat: (t: number) => (t >= 1000 ? count(t) : String(t)) }),
      Plot.text(["↑ test accuracy"], { frameAnchor: "top-left", dx: -46, dy: -24, fill: "var(--muted)" }),
      Plot.text([axis === "step" ? "optimizer steps →" : "training time, s →"],
        { frameAnchor: "bottom-right", dy: 42, fill: "var(--muted)" }),
      ...(goal === null ? [] : [
        Plot.ruleY([goal], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
        Plot.text([goal], { y: () => goal, frameAnchor: "left", dx: 6, dy: -8, textAnchor: "start",
          text: () => `target ${target(goal)}`, fill: "var(--muted)", fontSize: 11 }),
      ]),
      Plot.line(thin, { x: "x", y: "accuracy", z: "trial", stroke: color, strokeWidth: 1, strokeOpacity: opacity }),
      Plot.dot(ends, { x: "x", y: "accuracy", r: 2.6, fill: color, stroke: null,
        symbol: (point: { series: number }) => seriesSymbols[point.series % 7]! }),
      Plot.line(bold, { x: "x", y: "accuracy", z: "series", stroke: color, strokeWidth: 2.5 }),
    ],
  } as Plot.PlotOptions);
}

/** The least or largest value as a list of none or one; no call with a hundred thousand arguments. */
function extent(values: number[], pick: (a: number, b: number) => number): number[] {
  return values.length === 0 ? [] : [values.reduce((a, b) => pick(a, b))];
}
