/* The drawing of the first figure, layer by layer. */

import * as Plot from "@observablehq/plot";
import { count, quartiles } from "./format";
import {
  bandsFit,
  color,
  drawPlot,
  margin,
  type Mark,
  outlined,
  quiet,
  spreadMark,
  tips,
} from "./plot_frame";
import { jitter, type StepsAxis, type XAxis } from "./scales";
import type { MedianPoint, StepsData, TrialPoint } from "./steps";

/** Share of the distance between two values along the axis. */
const jitterWidth = 0.18;

export interface StepsFrame {
  data: StepsData;
  title: string;
  labels: string[];
  limit: number | null;
  xAxis: XAxis;
  xName: string;
  xLabel: (value: MedianPoint["x"]) => string;
  yAxis: StepsAxis;
  nSeries: number;
}

type Point = MedianPoint | TrialPoint;

export function drawSteps(frame: StepsFrame, width: number): Element {
  const { xAxis, yAxis } = frame;
  const tilted = xAxis.kind === "words" && width / xAxis.ticks.length < 90;
  const labels = new Map(xAxis.ticks.map((tick) => [tick.at, tick.label]));
  const x = {
    name: frame.xName,
    type: "linear" as const,
    domain: xAxis.domain,
    ticks: [...labels.keys()],
    label: (at: number) => labels.get(at) ?? "",
  };
  const y = {
    name: frame.title,
    type: yAxis.log ? ("log" as const) : ("linear" as const),
    domain: yAxis.domain,
    ticks: yAxis.ticks,
    label: count,
  };
  const layers = [
    strip(frame),
    spread(frame),
    trials(frame),
    lines(frame),
    stripCounts(frame, width),
    medians(frame),
    names(frame),
  ];
  return drawPlot(width, x, y, layers.flat(), tilted);
}

export function showsBand(axis: XAxis, nSeries: number): boolean {
  return axis.kind !== "words" && bandsFit(nSeries);
}

/** Series stand apart, so that their whiskers do not hide each other. */
function atX({ xAxis, nSeries }: StepsFrame, point: Point): number {
  const step = Math.min(0.12, 0.6 / nSeries) * (xAxis.kind === "words" ? 1.6 : 1);
  return xAxis.position(point.x) + xAxis.gap * step * (point.series - (nSeries - 1) / 2);
}

/** Where a point is drawn: single trials of a cell stand apart from each other, too. */
function pointX(frame: StepsFrame, point: Point): number {
  const aside = "replicate" in point ? jitter(point.replicate) * jitterWidth * frame.xAxis.gap : 0;
  return atX(frame, point) + aside;
}

/** A strip above the scale, for what is beyond it. */
function strip({ xAxis, yAxis, limit }: StepsFrame): Mark[] {
  if (yAxis.edge === null) {
    return [];
  }
  const title = limit === null ? "not reached" : `not reached in ${count(limit)} steps`;
  return [
    Plot.rect([0], {
      x1: () => xAxis.domain[0],
      x2: () => xAxis.domain[1],
      y1: () => yAxis.edge,
      y2: () => yAxis.domain[1],
      fill: "var(--strip)",
    }),
    Plot.text([title], { ...quiet, frameAnchor: "top-right", dy: -13 }),
  ];
}

/** How many trials stand in the strip, where there is room to say so; above the lines there. */
function stripCounts(frame: StepsFrame, width: number): Mark[] {
  const { data, xAxis, yAxis, nSeries } = frame;
  if (yAxis.edge === null) {
    return [];
  }
  const unreached = data.medians.filter((point) => point.unreached > 0);
  const text = (point: MedianPoint) => `${point.unreached}/${point.n}`;
  const longest = Math.max(0, ...unreached.map((point) => text(point).length));
  const span = xAxis.domain[1] - xAxis.domain[0];
  const room = ((width - margin.left - margin.right) * xAxis.gap) / span;
  const series = new Set(unreached.map((point) => point.series)).size > 1 ? nSeries : 1;
  const counts = (7 * longest + 16) * series <= room ? unreached : [];
  const beside = 0.5 * jitterWidth * xAxis.gap;
  return [
    Plot.text(counts, {
      ...quiet,
      stroke: "var(--strip)", // a halo, where a line passes
      strokeWidth: 5,
      x: (point: MedianPoint) => atX(frame, point) + beside,
      y: () => yAxis.beyond,
      text,
      dx: 5,
      textAnchor: "start",
    }),
  ];
}

/** The quartiles: a band where the axis is a number, else bars. */
function spread(frame: StepsFrame): Mark {
  const { data, xAxis, yAxis, nSeries } = frame;
  const ends = {
    x: (point: MedianPoint) => atX(frame, point),
    y1: (point: MedianPoint) => point.q1 ?? yAxis.beyond,
    y2: (point: MedianPoint) => point.q3 ?? yAxis.beyond,
  };
  return spreadMark(data.medians, ends, showsBand(xAxis, nSeries) ? "band" : 14);
}

/** Single trials; where they are not shown, one triangle stands for those of a cell that never reached it. */
function trials(frame: StepsFrame): Mark[] {
  const { data, yAxis } = frame;
  const dots = data.trials.filter((point) => point.steps !== null);
  const beyond: Point[] =
    data.trials.length > 0
      ? data.trials.filter((point) => point.steps === null)
      : data.medians.filter((point) => point.unreached > 0);
  const x = (point: Point) => pointX(frame, point);
  return [
    Plot.dot(dots, { x, y: "steps", r: 2, fill: color, fillOpacity: 0.5, stroke: null }),
    Plot.dot(beyond, {
      x,
      y: () => yAxis.beyond,
      r: 3.2,
      symbol: "triangle",
      stroke: color,
      strokeWidth: 1.2,
      fill: "var(--card)",
    }),
  ];
}

/** From median to median of a series, dotted where one is beyond the scale; not between words. */
function lines(frame: StepsFrame): Mark[] {
  const { data, xAxis, yAxis } = frame;
  if (xAxis.kind === "words") {
    return [];
  }
  const pairs = data.medians
    .slice(1)
    .map((to, i) => ({ from: data.medians[i]!, to, series: to.series }))
    .filter(({ from, to }) => from.series === to.series);
  const known = ({ from, to }: (typeof pairs)[0]) => from.median !== null && to.median !== null;
  const ends = {
    x1: ({ from }: (typeof pairs)[0]) => atX(frame, from),
    y1: ({ from }: (typeof pairs)[0]) => from.median ?? yAxis.beyond,
    x2: ({ to }: (typeof pairs)[0]) => atX(frame, to),
    y2: ({ to }: (typeof pairs)[0]) => to.median ?? yAxis.beyond,
    stroke: color,
  };
  return [
    Plot.link(pairs.filter(known), { ...ends, strokeWidth: 2 }),
    Plot.link(
      pairs.filter((pair) => !known(pair)),
      { ...ends, strokeWidth: 1.5, strokeDasharray: "2 4" },
    ),
  ];
}

function medians(frame: StepsFrame): Mark[] {
  const { data } = frame;
  const x = (point: MedianPoint) => atX(frame, point);
  return [
    Plot.dot(
      data.medians.filter((point) => point.median !== null),
      { ...outlined, x, y: "median", r: 4.5, strokeWidth: 2 },
    ),
  ];
}

/** Every mark names itself under the pointer. */
function names(frame: StepsFrame): Mark {
  const { data, yAxis } = frame;
  const steps = (point: Point) => ("replicate" in point ? point.steps : point.median);
  return tips(
    [...data.medians, ...data.trials] as Point[],
    { x: (point) => pointX(frame, point), y: (point) => steps(point) ?? yAxis.beyond },
    (point) => tip(frame, point),
  );
}

function tip({ labels, limit, xName, xLabel }: StepsFrame, point: Point) {
  const arm = [
    `${xName}: ${xLabel(point.x)}`,
    labels.length > 1 ? labels[point.series] : undefined,
  ];
  if ("replicate" in point) {
    const beyond = `not reached${limit === null ? "" : ` in ${count(limit)} steps`}`;
    return [
      `trial ${point.id}`,
      ...arm,
      point.steps === null ? beyond : `${count(point.steps)} steps`,
    ];
  }
  return [
    ...arm,
    `${quartiles(point.median, point.q1, point.q3, limit)} steps`,
    `${count(point.n - point.unreached)} of ${count(point.n)} reached`,
  ];
}
