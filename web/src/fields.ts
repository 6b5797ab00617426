/*
 * Which parameters of a sweep vary, with which values, and what part each of them plays in a
 * figure: along the axis, as series in colours, or held at one value. Pure.
 */

import type { Config, SummaryRow, SweepSpec, Value } from "./api_types";
import { maxSeries } from "./series";

export interface Field {
  name: string;
  values: Value[]; // distinct; numbers ascending, others in the sweep's order
  numeric: boolean;
}

export interface Roles {
  x: string | null;
  series: string | null;
  held: string[];
}

type Row = Record<string, Value | null>;

/** A field of a row, or of a configuration, which says depth and width by its hidden_units. */
export function fieldOf(row: Row | Config, field: string): Value | null {
  const direct = row[field];
  if (direct !== undefined && direct !== null) {
    return direct;
  }
  const units = row.hidden_units;
  if (!Array.isArray(units)) {
    return null;
  }
  return field === "depth" ? units.length : field === "width" ? (units[0] ?? null) : null;
}

/** The same text for the same value: the views have 0 and 1 for booleans, "500,400" for a list. */
export function valueKey(value: Value | null): string {
  if (typeof value === "boolean") {
    return value ? "1" : "0";
  }
  return Array.isArray(value) ? value.join(",") : String(value);
}

/** The fields in which the rows differ, in the order of the sweep's own list. */
export function varyingFields(spec: SweepSpec, rows: (Row | Config)[]): Field[] {
  return Object.entries(spec.parameters ?? {})
    .map(([name, given]) => fieldFrom(name, Array.isArray(given) ? given : [], rows))
    .filter((field) => field.values.length > 1);
}

function fieldFrom(name: string, listed: Value[], rows: (Row | Config)[]): Field {
  const distinct = new Map(listed.map((value) => [valueKey(value), value]));
  if (listed.length === 0) {
    for (const row of rows) {
      const value = fieldOf(row, name);
      if (value !== null) {
        distinct.set(valueKey(value), value);
      }
    }
  }
  const values = [...distinct.values()];
  const numeric = values.every((value) => typeof value === "number");
  if (numeric) {
    (values as number[]).sort((a, b) => a - b);
  }
  return { name, values, numeric };
}

/**
 * The article's choice where it applies: depth along the axis, batch normalization as series.
 * Otherwise the number with the most values goes along the axis, then the longest list of words.
 * Fields the person has chosen (`wanted`) keep their part.
 */
export function chooseRoles(
  fields: Field[],
  wanted: { x?: string | null; series?: string | null } = {},
): Roles {
  const names = fields.map((field) => field.name);
  const known = (name: string | null | undefined) => name != null && names.includes(name);
  const x = known(wanted.x) ? wanted.x! : pickX(fields, wanted.series ?? null);
  const left = fields.filter((field) => field.name !== x);
  const series =
    wanted.series === null
      ? null
      : known(wanted.series) && wanted.series !== x
        ? wanted.series!
        : pickSeries(left);
  return { x, series, held: left.map((field) => field.name).filter((name) => name !== series) };
}

function pickX(fields: Field[], taken: string | null): string | null {
  const free = fields.filter((field) => field.name !== taken);
  const rank = (field: Field) =>
    (field.name === "depth" ? 1e6 : 0) +
    (field.numeric ? 1e4 : 0) +
    field.values.length -
    (field.name === "batch_norm" ? 1e3 : 0);
  return [...free].sort((a, b) => rank(b) - rank(a))[0]?.name ?? null;
}

function pickSeries(fields: Field[]): string | null {
  const few = fields.filter((field) => field.values.length <= maxSeries);
  const first =
    few.find((field) => field.name === "batch_norm") ??
    few.find((field) => !field.numeric) ??
    few[0];
  return first?.name ?? null;
}

/** Does the row have the held values? */
export function matches(row: Row | Config, held: Record<string, string>): boolean {
  return Object.entries(held).every(([name, key]) => valueKey(fieldOf(row, name)) === key);
}

/**
 * The value at which each of `names` is held: the chosen one, else one that has results; of depths
 * the deepest, as in the article, of others the first.
 */
export function heldValues(
  fields: Field[],
  names: string[],
  chosen: Record<string, string>,
  rows: SummaryRow[],
): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => {
      const all = fields.find((field) => field.name === name)!.values.map(valueKey);
      const known = new Set(
        rows.filter((row) => row.n > 0).map((row) => valueKey(fieldOf(row, name))),
      );
      const usual = name === "depth" ? [...all].reverse() : all;
      const wanted = chosen[name];
      const key =
        wanted !== undefined && all.includes(wanted)
          ? wanted
          : (usual.find((value) => known.has(value)) ?? usual[0]!);
      return [name, key];
    }),
  );
}

/** The numbers of the cells with the held values. */
export function cellsOf(rows: SummaryRow[], held: Record<string, string>): number[] {
  return rows.filter((row) => matches(row, held)).map((row) => row.cell);
}
