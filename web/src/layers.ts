/*
 * The data of the third figure: what the layers of a network look like at one step, from the input
 * to the logits; the median over an arm's trials, with quartiles. Pure.
 */

import type { LayerRow } from "./api_types";
import { type Field, fieldOf, matches } from "./fields";
import { linearTicks, logTicks } from "./scales";
import { seriesRank } from "./steps";

export interface Quantity {
  /** A column of the view `layers`. */
  value: string;
  /** In the list of choices. */
  label: string;
  /** Above the figure: "... by layer". */
  title: string;
  /** On the axis. */
  axis: string;
  /** Between 0 and 1, on a linear axis. */
  share: boolean;
  /** How it changes from the logits to the input is the point of it. */
  vanishes: boolean;
  /** Said where no layer has the number. */
  absent: string;
}

const common = { share: false, vanishes: false, absent: "No layer here has this number." };

export const quantities: Quantity[] = [
  {
    ...common,
    value: "gradient_rms",
    label: "gradient, weights",
    title: "Gradient",
    axis: "gradient with respect to the weights, RMS",
    vanishes: true,
  },
  {
    ...common,
    value: "preactivation_gradient_rms",
    label: "gradient, pre-activations",
    title: "Gradient",
    axis: "gradient with respect to the pre-activations, RMS",
    vanishes: true,
  },
  {
    ...common,
    value: "update_ratio",
    label: "update / weight",
    title: "Update",
    axis: "update of the weights / weights, RMS",
  },
  { ...common, value: "weight_rms", label: "weights", title: "Weights", axis: "weights, RMS" },
  {
    ...common,
    value: "saturated",
    label: "saturated units",
    title: "Saturated units",
    axis: "saturated units",
    share: true,
    absent: "This activation has no bounds: its units cannot saturate.",
  },
  {
    ...common,
    value: "dead",
    label: "dead units",
    title: "Dead units",
    axis: "dead units",
    share: true,
    absent: "Units with this activation cannot die.",
  },
];

export interface LayerPoint {
  series: number;
  layer: number;
  /** Is it the last, the logits? */
  last: boolean;
  trials: number;
  median: number;
  q1: number;
  q3: number;
}

/** Points of the arms that are shown, along the layers; those without the number are left out. */
export function layerPoints(
  rows: LayerRow[],
  series: Field | null,
  held: Record<string, string>,
): LayerPoint[] {
  const rank = seriesRank(series);
  return rows
    .filter((row) => row.median !== null && matches(row, held))
    .map((row) => ({
      series: rank(series && fieldOf(row, series.name)),
      layer: row.layer,
      last: row.layer === row.depth,
      trials: row.trials,
      median: row.median!,
      q1: row.q1!,
      q3: row.q3!,
    }))
    .sort((a, b) => a.series - b.series || a.layer - b.layer);
}

/** The logits' layer of each arm that is shown, by depth; ascending. */
export function lastLayers(rows: LayerRow[], held: Record<string, string>): number[] {
  const depths = rows.filter((row) => matches(row, held)).map((row) => Number(row.depth));
  return [...new Set(depths)].sort((a, b) => a - b);
}

/** How many times the gradient at the logits is that of layer 0; a series that has both. */
export function shrinkage(points: LayerPoint[], series: number): number | null {
  const mine = points.filter((point) => point.series === series);
  const first = mine.find((point) => point.layer === 0);
  const last = mine.find((point) => point.last);
  return first === undefined || last === undefined || first === last || last.median === 0
    ? null
    : last.median / first.median;
}

export interface LayersAxis {
  log: boolean;
  domain: [number, number];
  ticks: number[];
  /** Where a logarithmic axis has its 0; null when nothing is 0. */
  zero: number | null;
}

/** Logarithmic, but for shares; a gradient may be 0 altogether, and stands below the least other. */
export function layersAxis(points: LayerPoint[], share: boolean): LayersAxis {
  if (share) {
    return { log: false, domain: [0, 1], ticks: linearTicks(0, 1, 5), zero: null };
  }
  const values = points.flatMap((point) => [point.q1, point.median, point.q3]);
  const positive = values.filter((value) => value > 0);
  const least = positive.length > 0 ? Math.min(...positive) : 1;
  const most = positive.length > 0 ? Math.max(...positive) : 1;
  const room = Math.max(0.1, 0.05 * Math.log10(most / least));
  const low = least / 10 ** room;
  const high = most * 10 ** room;
  const zero = values.some((value) => value <= 0) ? low / 10 ** (2 * room) : null;
  return {
    log: true,
    domain: [zero === null ? low : zero / 10 ** room, high],
    ticks: [...(zero === null ? [] : [zero]), ...fewPowers(logTicks(low, high))],
    zero,
  };
}

/** Of many powers of ten each second, third, ... one. */
function fewPowers(ticks: number[]): number[] {
  const stride = Math.ceil(ticks.length / 10);
  return ticks.filter((tick) => stride === 1 || Math.round(Math.log10(tick)) % stride === 0);
}
