/*
 * The data of the first figure: steps to the target, by a parameter along the axis and another as
 * series. A trial that never reached the target (censored, or diverged) counts as larger than every number.
 */

import type { Outcome, SummaryRow, Trial, Value } from "./api_types";
import { type Field, fieldOf, matches, valueKey } from "./fields";

/** null = beyond the axis: not reached. */
export type Steps = number | null;

export interface MedianPoint {
  x: Value;
  series: number;
  median: Steps;
  q1: Steps;
  q3: Steps;
  n: number;
  /** Of the n: censored or diverged. */
  unreached: number;
}

export interface TrialPoint {
  id: number;
  x: Value;
  series: number;
  replicate: number;
  steps: Steps;
}

export interface StepsData {
  medians: MedianPoint[];
  trials: TrialPoint[];
  unreached: number;
  diverged: number;
  ended: number;
}

/** Whether a trial is in the figures, as in the view `summary`. */
export function counts(outcome: Outcome): boolean {
  return outcome === "reached" || outcome === "censored" || outcome === "diverged";
}

/** `series` null: all in one series, number 0. */
export function stepsData(
  rows: SummaryRow[],
  trials: Trial[],
  x: Field,
  series: Field | null,
  held: Record<string, string>,
): StepsData {
  const rank = seriesRank(series);
  const shown = rows.filter((row) => row.n > 0 && matches(row, held));
  const medians = shown.map((row) => ({
    x: fieldOf(row, x.name)!,
    series: rank(series && fieldOf(row, series.name)),
    median: row.median_steps,
    q1: row.q1_steps,
    q3: row.q3_steps,
    n: row.n,
    unreached: row.n - row.reached,
  }));
  const order = new Map(x.values.map((value, i) => [valueKey(value), i]));
  medians.sort(
    (a, b) => a.series - b.series || order.get(valueKey(a.x))! - order.get(valueKey(b.x))!,
  );
  return {
    medians,
    trials: trials
      .filter((trial) => counts(trial.outcome) && matches(trial.config, held))
      .map((trial) => ({
        id: trial.id,
        x: fieldOf(trial.config, x.name)!,
        replicate: trial.replicate,
        series: rank(series && fieldOf(trial.config, series.name)),
        steps: trial.steps_to_target,
      })),
    unreached: medians.reduce((sum, point) => sum + point.unreached, 0),
    diverged: shown.reduce((sum, row) => sum + row.diverged, 0),
    ended: medians.reduce((sum, point) => sum + point.n, 0),
  };
}

export function seriesRank(series: Field | null): (value: Value | null) => number {
  const ranks = new Map((series?.values ?? []).map((value, i) => [valueKey(value), i]));
  return (value) => ranks.get(valueKey(value)) ?? 0;
}

/** Every number the vertical axis must hold. */
export function finiteSteps(data: StepsData): number[] {
  return [
    ...data.medians.flatMap((point) => [point.median, point.q1, point.q3]),
    ...data.trials.map((point) => point.steps),
  ].filter((steps): steps is number => steps !== null);
}
