/*
 * The first figure: steps to the target by a parameter. Medians with their quartiles, single trials
 * as dots, and trials that never reached the target as triangles in a strip above the scale.
 */

import { type Field, fieldOf, valueKey } from "./fields";
import type { SummaryRow, Trial } from "./api_types";
import { count, fieldName, quartiles, target, valueName } from "./format";
import { Figure } from "./plot_box";
import { stepsAxis, xAxis } from "./scales";
import { seriesLabels } from "./series";
import { finiteSteps, stepsData } from "./steps";
import { drawSteps, showsBand, type StepsFrame } from "./steps_plot";

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
  const labels = seriesLabels(series);
  const frame: StepsFrame = {
    data,
    title: goal === null ? "steps to target" : `steps to ${target(goal)}`,
    labels,
    limit,
    xAxis: xAxis(x),
    xName: fieldName(x.name),
    xLabel: (value) => valueName(x.name, value),
    yAxis: stepsAxis(finiteSteps(data), data.unreached > 0, limit, log),
    nSeries: Math.max(1, labels.length),
  };
  return (
    <Figure
      labels={labels}
      version={version}
      label={describe(frame)}
      draw={(width) => drawSteps(frame, width)}
    >
      {caption(frame, trials === null)}
    </Figure>
  );
}

/** The value that all rows share; null when they differ. */
function commonNumber(rows: SummaryRow[], column: string): number | null {
  const keys = new Set(rows.map((row) => valueKey(fieldOf(row, column))));
  const value = rows[0] === undefined ? null : fieldOf(rows[0], column);
  return keys.size === 1 && typeof value === "number" ? value : null;
}

function describe({ data, title, labels, limit, xName, xLabel }: StepsFrame): string {
  const points = data.medians.slice(0, 60).map((point) => {
    const series = labels.length > 1 ? `, ${labels[point.series]}` : "";
    return `${xLabel(point.x)}${series}: ${quartiles(point.median, point.q1, point.q3, limit)}`;
  });
  return `Median ${title} by ${xName}, with quartiles. ${points.join("; ")}.`;
}

function caption({ data, limit, xAxis, nSeries }: StepsFrame, withoutTrials: boolean): string {
  const middle = xAxis.kind === "words" ? "Outlined marks" : "Line";
  const parts = [`${middle}: median; ${showsBand(xAxis, nSeries) ? "band" : "bar"}: quartiles`];
  parts.push(
    withoutTrials
      ? `${count(data.ended)} trials, too many to show one by one`
      : `small dots: single trials (${count(data.ended)})`,
  );
  if (data.unreached > 0) {
    const within = limit === null ? "within its steps" : `in ${count(limit)} steps`;
    const diverged = data.diverged > 0 ? `, ${count(data.diverged)} of them diverged` : "";
    const which = withoutTrials ? "cells with trials that did not reach it" : "not reached";
    parts.push(`triangles: ${which} ${within} (${count(data.unreached)}${diverged})`);
  }
  return `${parts.join("; ")}.`;
}
