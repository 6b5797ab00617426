import assert from "node:assert/strict";
import { test } from "node:test";
import type { SummaryRow } from "../src/api_types";
import { setupOf } from "../src/setup";

const rows = [
  {
    dataset: "mnist",
    train_size: 55000,
    depth: 1,
    hidden_units: "500",
    learning_rate: 0.01,
    kernel: "Haswell",
  },
  {
    dataset: "mnist",
    train_size: 55000,
    depth: 2,
    hidden_units: "500,400",
    learning_rate: 0.1,
    kernel: "mixed",
  },
] as unknown as SummaryRow[];

test("what all cells share is told, axes and what differs otherwise are not (B12)", () => {
  assert.deepEqual(setupOf(rows, ["learning_rate"]), [
    { term: "dataset", text: "mnist" },
    { term: "train size", text: "55,000" },
    { term: "kernel", text: "2: Haswell, mixed" },
  ]);
});
