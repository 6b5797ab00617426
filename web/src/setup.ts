/*
 * What a sweep trained, in a few pairs of words: what all cells share is told, what varies is said
 * to vary. Pure.
 */

import type { SummaryRow, Value } from "./api_types";
import { fieldOf, valueKey } from "./fields";
import { count, fieldName, valueName } from "./format";

export interface Fact {
  term: string;
  text: string;
}

/** In the order of a sentence about a training. */
const told = [
  "dataset",
  "train_size",
  "hidden_units",
  "activation",
  "batch_norm",
  "initializer",
  "optimizer",
  "learning_rate",
  "batch_size",
  "target_accuracy",
  "max_steps",
];

/** Of the attempts, where the daemon tells it: the value, or "mixed". */
const ran = ["trainer", "kernel", "cpu"];

/** `varying`: the sweep's axes, which the figures name already. */
export function setupOf(rows: SummaryRow[], varying: string[]): Fact[] {
  return [...told, ...ran]
    .filter((name) => !varying.includes(name))
    .map((name) => ({ name, values: distinct(rows, name) }))
    .filter(({ name, values }) => values.length === 1 || ran.includes(name))
    .filter(({ values }) => values.length > 0)
    .map(({ name, values }) => ({
      term: fieldName(name),
      text:
        values.length === 1
          ? valueText(name, values[0]!)
          : `${count(values.length)}: ${values.map((value) => valueText(name, value)).join(", ")}`,
    }));
}

function distinct(rows: SummaryRow[], name: string): Value[] {
  const found = new Map<string, Value>();
  for (const row of rows) {
    const value = fieldOf(row, name);
    if (value !== null && value !== "") {
      found.set(valueKey(value), value);
    }
  }
  return [...found.values()];
}

function valueText(name: string, value: Value): string {
  // Names of data sets, trainers and kernels are written as they are.
  return name === "dataset" || ran.includes(name) ? String(value) : valueName(name, value);
}
