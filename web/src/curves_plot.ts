/* The drawing of the second figure, layer by layer. */

import * as Plot from "@observablehq/plot";
import { crowdedAbove, type Curve, type CurveAxis, medianCurve } from "./curves";
import { count, duration, percent, target } from "./format";
import { color, drawPlot, type Mark, quiet, symbol, tips } from "./plot_frame";
import { linearTicks, logTicks } from "./scales";

export interface CurvesFrame {
  all: Curve[];
  shown: Curve[];
  axis: CurveAxis;
  log: boolean;
  goal: number | null;
  /** All seeds of each arm are here: only then is a median one of the arm. */
  complete: boolean;
  nSeries: number;
  labels: string[];
}

/** With more points than these their marks would be one blot. */
const mostPointMarks = 600;

const shares = [0, 0.2, 0.4, 0.6, 0.8, 1];

export function drawCurves(frame: CurvesFrame, width: number): Element {
  const { axis, log, goal } = frame;
  const domain = extent(frame);
  const x = {
    name: axis === "step" ? "optimizer steps" : "training time, s",
    type: log ? ("log" as const) : ("linear" as const),
    domain,
    ticks: log ? logTicks(...domain) : linearTicks(...domain, width < 500 ? 4 : 7),
    label: (tick: number) => (tick >= 1000 ? count(tick) : String(tick)),
  };
  const y = {
    name: "test accuracy",
    type: "linear" as const,
    domain: [0, 1] as [number, number],
    ticks: shares,
    label: (tick: number) => `${Math.round(tick * 100)} %`,
  };
  return drawPlot(width, x, y, [
    ...(goal === null ? [] : goalLine(goal, nameBelow(frame, goal, domain))),
    ...singles(frame, domain[0]),
    ...(frame.complete ? medians(frame, domain[0]) : []),
    ...tipsOfTrials(frame, domain[0]),
  ]);
}

/** From 0, or on a logarithmic axis from the least positive x, to the largest. */
function extent({ all, log }: CurvesFrame): [number, number] {
  let low = Infinity;
  let high = 0;
  for (const { points } of all) {
    for (const { x } of points) {
      high = Math.max(high, x);
      low = x > 0 ? Math.min(low, x) : low;
    }
  }
  high = high > 0 ? high : 1;
  return [log ? Math.min(low, high / 10) : 0, high];
}

/** The target's name stands at the right end of its line, on the side that the curves leave free. */
function nameBelow({ all, log }: CurvesFrame, goal: number, [low, high]: [number, number]) {
  const from = log ? low * (high / low) ** 0.85 : low + 0.85 * (high - low);
  return crowdedAbove(all, goal, from);
}

function goalLine(goal: number, below: boolean): Mark[] {
  return [
    Plot.ruleY([goal], { stroke: "var(--muted)", strokeDasharray: "4 4" }),
    Plot.text([`target ${target(goal)}`], {
      ...quiet,
      y: () => goal,
      frameAnchor: "right",
      textAnchor: "end",
      dy: below ? 13 : -13,
      stroke: "var(--card)", // a halo, where a curve passes
      strokeWidth: 4,
    }),
  ];
}

/** What was measured of the trials that are drawn. */
function measured({ shown }: CurvesFrame, from: number) {
  return shown.flatMap(({ points, ...curve }) =>
    points.filter((point) => point.x >= from).map((point) => ({ ...point, ...curve })),
  );
}

/** A thin line for each trial, with a mark at each measurement and a larger one where it ended. */
function singles(frame: CurvesFrame, from: number): Mark[] {
  const { shown } = frame;
  const points = measured(frame, from);
  const ends = shown
    .filter((curve) => curve.ended && curve.points.length > 0)
    .map((curve) => ({ ...curve.points.at(-1)!, series: curve.series }));
  return [
    Plot.line(points, {
      x: "x",
      y: "accuracy",
      z: "trial",
      stroke: color,
      strokeWidth: 1,
      strokeOpacity: Math.max(0.12, Math.min(0.45, 12 / Math.max(1, shown.length))),
    }),
    Plot.dot(points.length <= mostPointMarks ? points : [], {
      x: "x",
      y: "accuracy",
      r: 1.3,
      fill: color,
      fillOpacity: 0.55,
      stroke: null,
    }),
    Plot.dot(ends, {
      x: "x",
      y: "accuracy",
      r: 2.6,
      symbol,
      fill: color,
      stroke: null,
    }),
  ];
}

function medians({ all, nSeries }: CurvesFrame, from: number): Mark[] {
  const points = Array.from({ length: nSeries }, (_, series) =>
    medianCurve(all.filter((curve) => curve.series === series))
      .filter((point) => point.x >= from)
      .map((point) => ({ ...point, series })),
  ).flat();
  return [
    Plot.line(points, { x: "x", y: "accuracy", z: "series", stroke: color, strokeWidth: 2.5 }),
  ];
}

function tipsOfTrials(frame: CurvesFrame, from: number): Mark[] {
  const { axis, labels } = frame;
  return [
    tips(measured(frame, from), { x: "x", y: "accuracy" }, (point) => [
      `trial ${point.trial}, seed ${point.seed}`,
      labels.length > 1 ? labels[point.series] : undefined,
      `${percent(point.accuracy, 2)} at ${axis === "step" ? `step ${count(point.x)}` : duration(point.x)}`,
    ]),
  ];
}
