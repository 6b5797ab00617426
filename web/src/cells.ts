/* The rows of the table of cells, and their order. Pure. */

import type { SummaryRow } from "./api_types";
import { type Field, fieldOf } from "./fields";
import { counted } from "./format";

export interface Order {
  column: string; // a field's name, or one of: reached median seconds ms
  descending: boolean;
}

/** Sorts a copy. Not reached sorts above every number; no result yet comes last either way. */
export function sortCells(rows: SummaryRow[], order: Order | null, fields: Field[]): SummaryRow[] {
  if (order === null) {
    return [...rows].sort((a, b) => a.cell - b.cell);
  }
  const field = fields.find((one) => one.name === order.column);
  const key = field ? (row: SummaryRow) => rankIn(field, row) : resultKeys[order.column]!;
  const sign = order.descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    if (left === null || right === null) {
      return Number(left === null) - Number(right === null) || a.cell - b.cell;
    }
    return left === right ? a.cell - b.cell : left < right ? -sign : sign;
  });
}

function rankIn(field: Field, row: SummaryRow): number | string | null {
  const value = fieldOf(row, field.name);
  return typeof value === "number" ? value : value === null ? null : String(value);
}

const resultKeys: Record<string, (row: SummaryRow) => number | null> = {
  reached: (row) => (row.n > 0 ? row.reached / row.n : null),
  median: (row) => (row.n > 0 ? (row.median_steps ?? Infinity) : null),
  seconds: (row) => (row.n > 0 ? (row.median_seconds ?? Infinity) : null),
  ms: (row) => row.mean_ms_per_step,
};

const mixed: [column: string, text: string][] = [
  ["trainer", "trainers: the numbers are not of one program"],
  ["kernel", "kernels: numbers differ by rounding, seconds by more"],
  ["cpu", "CPUs: seconds are not comparable"],
];

/** A warning for each thing that differs among the trials of one cell. */
export function mixtures(rows: SummaryRow[]): string[] {
  return mixed.flatMap(([column, text]) => {
    const n = rows.filter((row) => row[column] === "mixed").length;
    return n === 0 ? [] : [`${counted(n, "cell")} ${n === 1 ? "mixes" : "mix"} ${text}.`];
  });
}
