/* How the series of a figure look: told apart by colour and, once more, by shape. */

import type { Field } from "./fields";
import { valueName } from "./format";

/** What they are called; nothing where all is one series. */
export function seriesLabels(series: Field | null): string[] {
  return series?.values.map((value) => valueName(series.name, value)) ?? [];
}

/** Colours that every common kind of colour vision tells apart; set per scheme in theme.css. */
export function seriesColor(series: number): string {
  return `var(--series-${series % seriesSymbols.length})`;
}

/** Names of shapes in Observable Plot. */
export const seriesSymbols = [
  "circle",
  "square",
  "diamond",
  "triangle",
  "star",
  "cross",
  "wye",
] as const;

/** As many series as there are colours. */
export const maxSeries = seriesSymbols.length;
