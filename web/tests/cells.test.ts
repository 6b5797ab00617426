import assert from "node:assert/strict";
import { test } from "node:test";
import { mixtures, sortCells } from "../src/cells";
import { summaryRow } from "./rows";

const rows = [
  summaryRow({ cell: 0, depth: 1, n: 5, reached: 5, median_steps: 40 }),
  summaryRow({ cell: 1, depth: 2, n: 0, reached: 0, median_steps: null }),
  summaryRow({ cell: 2, depth: 3, n: 5, reached: 1, median_steps: null }),
  summaryRow({ cell: 3, depth: 4, n: 5, reached: 5, median_steps: 12 }),
];
const cells = (order: Parameters<typeof sortCells>[1]) =>
  sortCells(rows, order, []).map((row) => row.cell);

test("a median that was not reached sorts above every number, a cell without results last", () => {
  assert.deepEqual(cells({ column: "median", descending: false }), [3, 0, 2, 1]);
  assert.deepEqual(cells({ column: "median", descending: true }), [2, 0, 3, 1]);
});

test("without an order the cells stand as the sweep has them", () => {
  assert.deepEqual(cells(null), [0, 1, 2, 3]);
});

// C6
test("cells that mix kernels or CPUs are warned of", () => {
  assert.deepEqual(mixtures(rows), []);
  assert.deepEqual(
    mixtures([
      summaryRow({ kernel: "mixed", cpu: "mixed" }),
      summaryRow({ cell: 1, kernel: "mixed" }),
    ]),
    [
      "2 cells mix kernels: numbers differ by rounding, seconds by more.",
      "1 cell mixes CPUs: seconds are not comparable.",
    ],
  );
});
