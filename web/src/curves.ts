/*
 * The data of the second figure: test accuracy as training goes on, single trials as thin lines and
 * their median as a bold one. Pure.
 */

import type { CurveRow } from "./api_types";
import { type Field, fieldOf, matches } from "./fields";
import { counts, seriesRank } from "./steps";

export type CurveAxis = "step" | "time";

export interface CurvePoint {
  x: number;
  accuracy: number;
}

export interface Curve {
  trial: number;
  seed: string;
  series: number;
  /** Is its trial in the figures? Those that run, or failed, are not. */
  ended: boolean;
  /** It ended because the network diverged: from there on it is below every other. */
  diverged: boolean;
  points: CurvePoint[];
}

/** One curve per trial; `x` in steps or in seconds of training. */
export function curvesOf(
  rows: CurveRow[],
  axis: CurveAxis,
  series: Field | null,
  held: Record<string, string>,
): Curve[] {
  const rank = seriesRank(series);
  const curves = new Map<number, Curve>();
  for (const row of rows) {
    const x = axis === "step" ? row.step : row.cpu_ms === null ? null : row.cpu_ms / 1000;
    if (x === null || row.test_accuracy === null || !matches(row, held)) {
      continue;
    }
    let curve = curves.get(row.trial);
    if (curve === undefined) {
      curve = {
        trial: row.trial,
        seed: String(row.seed),
        series: rank(series && fieldOf(row, series.name)),
        ended: counts(row.outcome),
        diverged: counts(row.outcome) && row.state === "failed",
        points: [],
      };
      curves.set(row.trial, curve);
    }
    curve.points.push({ x, accuracy: row.test_accuracy });
  }
  for (const curve of curves.values()) {
    curve.points.sort((a, b) => a.x - b.x);
  }
  return [...curves.values()];
}

/** At most `most` curves of each series, the first ones. */
export function capCurves(curves: Curve[], most: number): Curve[] {
  const seen = new Map<number, number>();
  return curves.filter((curve) => {
    const n = (seen.get(curve.series) ?? 0) + 1;
    seen.set(curve.series, n);
    return n <= most;
  });
}

/** Whether from x on more of the curves pass close above the level than close below it. */
export function crowdedAbove(curves: Curve[], level: number, from: number): boolean {
  const distances = curves
    .flatMap((curve) => curve.points.filter((point) => point.x >= from))
    .map((point) => point.accuracy - level)
    .filter((distance) => Math.abs(distance) > 0.01 && Math.abs(distance) < 0.1);
  return 2 * distances.filter((distance) => distance > 0).length > distances.length;
}

/** Accuracy at x by straight lines between measurements; null outside of them. */
export function accuracyAt(points: CurvePoint[], x: number): number | null {
  const after = points.findIndex((point) => point.x >= x);
  const b = points[after];
  if (b === undefined) {
    return null;
  }
  const a = points[after - 1];
  if (b.x === x || a === undefined) {
    return b.x === x ? b.accuracy : null;
  }
  return a.accuracy + ((b.accuracy - a.accuracy) * (x - a.x)) / (b.x - a.x);
}

/**
 * The median over the curves of one series, at every measured x up to the end of the shortest: a
 * trial stops when it reaches the target, and a median over those that are left would speak for the
 * slow ones only. Trials that still run, or failed, are left out: they would cut it short. One that
 * diverged counts from its end on as below every accuracy, and the median ends where half have.
 */
export function medianCurve(curves: Curve[]): CurvePoint[] {
  const ended = curves.filter((curve) => curve.ended && curve.points.length > 0);
  if (ended.length < 2) {
    return [];
  }
  const from = Math.max(...ended.map((curve) => curve.points[0]!.x));
  const whole = ended.filter((curve) => !curve.diverged);
  const last = (of: Curve[]) => of.map((curve) => curve.points.at(-1)!.x);
  const to = whole.length > 0 ? Math.min(...last(whole)) : Math.max(...last(ended));
  const at = [...new Set(ended.flatMap((curve) => curve.points.map((point) => point.x)))]
    .filter((x) => x >= from && x <= to)
    .sort((a, b) => a - b);
  return thin(at, 200)
    .map((x) => ({
      x,
      accuracy: median(ended.map((curve) => accuracyAt(curve.points, x) ?? -Infinity)),
    }))
    .filter((point) => point.accuracy > -Infinity);
}

function thin(values: number[], most: number): number[] {
  const stride = Math.ceil(values.length / most);
  return values.filter((_, i) => i % stride === 0 || i === values.length - 1);
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
