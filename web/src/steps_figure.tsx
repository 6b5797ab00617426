/*
 * The first figure: steps to the target by a parameter. Medians with their quartiles, single trials
 * as dots, and trials that never reached the target as triangles in a strip above the scale.
 */

import * as Plot from "@observablehq/plot";
import { type Field, fieldOf, valueKey } from "./fields";
import type { SummaryRow, Trial } from "./api_types";
import { count, fieldName, quartiles, target, valueName } from "./format";
import { PlotBox, SeriesLegend, seriesColor, seriesSymbols } from "./plot_box";
import { jitter, stepsAxis, type StepsAxis, xAxis, type XAxis } from "./scales";
import { finiteSteps, type MedianPoint, stepsData, type StepsData, type TrialPoint } from "./steps";

/** Share of the distance between two values along the axis. */
const jitterWidth = 0.18;
const marginLeft = 52;
const marginRight = 14;

interface Props {
  rows: SummaryRow[];
  trials: Trial[] | null;
  x: Field;
  series: Field | null;
  held: Record<string, string>;
  log: boolean | null;
  version: string;
}

export function StepsFigure({ rows, trials, x, series, held, log, version }: Props) {
  const data = stepsData(rows, trials ?? [], x, series, held);
  const limit = commonNumber(rows, "max_steps");
  const goal = commonNumber(rows, "target_accuracy");
  const title = goal === null ? "steps to target" : `steps to ${target(goal)}`;
  const labels = series?.values.map((value) => valueName(series.name, value)) ?? [];
  const frame: Frame = {
    data, title, labels, limit,
    xAxis: xAxis(x), xName: fieldName(x.name), xLabel: (value) => valueName(x.name, value),
    yAxis: stepsAxis(finiteSteps(data), data.censored > 0, limit, log),
    nSeries: Math.max(1, labels.length),
  };
  return (
    <figure>
      <SeriesLegend labels={labels} />
      <PlotBox version={version} label={describe(frame)} draw={(width) => drawSteps(frame, width)} />
      <figcaption>{caption(frame, trials === null)}</figcaption>
    </figure>
  );
}

interface Frame {
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

/** The value that all rows share; null when they differ. */
function commonNumber(rows: SummaryRow[], column: string): number | null {
  const keys = new Set(rows.map((row) => valueKey(fieldOf(row, column))));
  const value = rows[0] === undefined ? null : fieldOf(rows[0], column);
  return keys.size === 1 && typeof value === "number" ? value : null;
}

function describe({ data, title, labels, limit, xName, xLabel }: Frame): string {
  const points = data.medians.map((point) =>
    `${xLabel(point.x)}${labels.length > 1 ? `, ${labels[point.series]}` : ""}: ${quartiles(point.median, point.q1, point.q3, limit)}`);
  return `Median ${title} by ${xName}, with quartiles. ${points.slice(0, 60).join("; ")}.`;
}

function caption({ data, limit, xAxis, nSeries }: Frame, withoutTrials: boolean): string {
  const parts = [`${xAxis.kind === "words" ? "Outlined marks" : "Line"}: median; ${showsBand(xAxis, nSeries) ? "band" : "bar"}: quartiles`];
  parts.push(withoutTrials ? `${count(data.ended)} trials, too many to show one by one`
    : `small dots: single trials (${count(data.ended)})`);
  if (data.censored > 0) {
    const within = limit === null ? "within its steps" : `in ${count(limit)} steps`;
    parts.push(withoutTrials ? `triangles: cells with trials that did not reach it ${within} (${count(data.censored)} trials)`
      : `triangles: not reached ${within} (${count(data.censored)})`);
  }
  return `${parts.join("; ")}.`;
}

function showsBand(axis: XAxis, nSeries: number): boolean {
  return axis.kind !== "words" && nSeries <= 3;
}

/** Moves the series apart, so that their whiskers do not hide each other. */
function offset({ xAxis, nSeries }: Frame, series: number): number {
  const step = Math.min(0.12, 0.6 / nSeries) * (xAxis.kind === "words" ? 1.6 : 1);
  return xAxis.gap * step * (series - (nSeries - 1) / 2);
}

function drawSteps(frame: Frame, width: number): Element {
  const { data, xAxis: axis, yAxis, nSeries } = frame;
  const atX = (point: MedianPoint | TrialPoint) => axis.position(point.x) + offset(frame, point.series);
  const atY = (steps: number | null) => steps ?? yAxis.beyond;
  const color = (point: { series: number }) => seriesColor(point.series);
  const dots = data.trials.filter((point) => point.steps !== null);
  // Where single trials are not shown, one triangle stands for those of its cell.
  const beyond = data.trials.length > 0 ? data.trials.filter((point) => point.steps === null)
    : data.medians.filter((point) => point.censored > 0);
  const jittered = (point: TrialPoint | MedianPoint) =>
    atX(point) + ("replicate" in point ? jitter(point.replicate) * jitterWidth * axis.gap : 0);
  const joined = segments(data.medians, atX, atY);
  const tilted = axis.kind === "words" && width / axis.ticks.length < 90;

  return Plot.plot({
    width, height: Math.round(Math.max(300, Math.min(440, width * 0.56))),
    marginLeft, marginRight, marginBottom: tilted ? 76 : 46, marginTop: 30,
    x: { domain: axis.domain, label: null },
    y: { type: yAxis.log ? "log" : "linear", domain: yAxis.domain, label: null },
    marks: [
      Plot.gridY(yAxis.ticks, { stroke: "var(--grid)", strokeOpacity: 1 }),
      Plot.axisY(yAxis.ticks, { label: null, tickSize: 0, tickFormat: (t: number) => count(t) }),
      Plot.axisX(axis.ticks.map((tick) => tick.at), { label: null, tickSize: 4, tickRotate: tilted ? -30 : 0,
        tickFormat: (at: number) => axis.ticks.find((tick) => tick.at === at)?.label ?? "" }),
      Plot.text([`↑ ${frame.title}`], { frameAnchor: "top-left", dx: -46, dy: -24, fill: "var(--muted)" }),
      Plot.text([`${frame.xName} →`], { frameAnchor: "bottom-right", dy: tilted ? 72 : 42, fill: "var(--muted)" }),
      ...strip(frame, width),
      ...(showsBand(axis, nSeries)
        ? [Plot.areaY(data.medians, { x: atX, z: "series", fill: color, fillOpacity: 0.13,
          y1: (point: MedianPoint) => atY(point.q1), y2: (point: MedianPoint) => atY(point.q3) })]
        : [Plot.ruleX(data.medians, { x: atX, stroke: color, strokeOpacity: 0.3, strokeWidth: 14,
          y1: (point: MedianPoint) => atY(point.q1), y2: (point: MedianPoint) => atY(point.q3) })]),
      Plot.dot(dots, { x: jittered, y: "steps", r: 2, fill: color, fillOpacity: 0.5, stroke: null }),
      Plot.dot(beyond, { x: jittered, y: () => yAxis.beyond, r: 3.2, symbol: "triangle",
        stroke: color, strokeWidth: 1.2, fill: "var(--card)" }),
      ...(axis.kind === "words" ? [] : [
        Plot.link(joined.filter((link) => link.known), { ...linkEnds, stroke: color, strokeWidth: 2 }),
        Plot.link(joined.filter((link) => !link.known), { ...linkEnds, stroke: color, strokeWidth: 1.5, strokeDasharray: "2 4" }),
      ]),
      Plot.dot(data.medians.filter((point) => point.median !== null), { x: atX, y: "median", r: 4.5,
        symbol: (point: MedianPoint) => seriesSymbols[point.series % 7]!, fill: "var(--card)", stroke: color, strokeWidth: 2 }),
      Plot.tip(data.medians, Plot.pointer({ x: atX, y: (point: MedianPoint) => atY(point.median),
        title: (point: MedianPoint) => tip(frame, point), maxRadius: 60, lineHeight: 1.35, textPadding: 10, stroke: "var(--line)" })),
    ],
    color: { type: "identity" },
    symbol: { type: "identity" },
  } as Plot.PlotOptions);
}

const linkEnds = { x1: "x1", y1: "y1", x2: "x2", y2: "y2" };

/** The part of the figure above the scale, and how many trials stand there (where there is room to say so). */
function strip(frame: Frame, width: number): Plot.Markish[] {
  const { data, xAxis: axis, yAxis, limit, nSeries } = frame;
  if (yAxis.edge === null) {
    return [];
  }
  const censored = data.medians.filter((point) => point.censored > 0);
  const text = (point: MedianPoint) => `${point.censored}/${point.n}`;
  const longest = Math.max(0, ...censored.map((point) => text(point).length));
  const room = ((width - marginLeft - marginRight) * axis.gap) / (axis.domain[1] - axis.domain[0]);
  const series = new Set(censored.map((point) => point.series)).size > 1 ? nSeries : 1;
  const counts = (7 * longest + 16) * series <= room ? censored : [];
  return [
    Plot.rect([0], { x1: () => axis.domain[0], x2: () => axis.domain[1], y1: () => yAxis.edge,
      y2: () => yAxis.domain[1], fill: "var(--strip)" }),
    Plot.text([limit === null ? "not reached" : `not reached in ${count(limit)} steps`],
      { frameAnchor: "top-right", dy: -13, fill: "var(--muted)", fontSize: 11 }),
    Plot.text(counts, { y: () => yAxis.beyond, dx: 5,
      x: (point: MedianPoint) => axis.position(point.x) + offset(frame, point.series) + 0.5 * jitterWidth * axis.gap,
      text, textAnchor: "start", fill: "var(--muted)", fontSize: 11 }),
  ];
}

/** Lines from median to median within a series; `known` when both ends are numbers. */
function segments(medians: MedianPoint[], atX: (point: MedianPoint) => number, atY: (steps: number | null) => number | null) {
  return medians.slice(1).flatMap((b, i) => {
    const a = medians[i]!;
    return a.series !== b.series ? [] : [{ x1: atX(a), y1: atY(a.median), x2: atX(b), y2: atY(b.median),
      series: a.series, known: a.median !== null && b.median !== null }];
  });
}

function tip({ labels, limit, xName, xLabel }: Frame, point: MedianPoint): string {
  return [
    `${xName}: ${xLabel(point.x)}`,
    labels.length > 1 ? labels[point.series] : null,
    `${quartiles(point.median, point.q1, point.q3, limit)} steps`,
    `${point.n - point.censored} of ${point.n} reached`,
  ].filter((line) => line !== null).join("\n");
}
