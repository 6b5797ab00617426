import assert from "node:assert/strict";
import { test } from "node:test";
import type { Field } from "../src/fields";
import { finiteSteps, stepsData } from "../src/steps";
import { summaryRow, trial } from "./rows";

const depth: Field = { name: "depth", values: [1, 7], numeric: true };
const norm: Field = { name: "batch_norm", values: ["none", "before"], numeric: false };
const deep = { hidden_units: [1, 2, 3, 4, 5, 6, 7], batch_norm: "none" };

test("a censored trial is a point beyond the axis, counted, and no number", () => {
  const rows = [
    summaryRow({
      depth: 7,
      batch_norm: "none",
      n: 3,
      reached: 1,
      censored: 2,
      median_steps: null,
      q1_steps: 900,
      q3_steps: null,
    }),
  ];
  const trials = [
    trial({ id: 1, config: deep, steps_to_target: 800 }),
    trial({ id: 2, config: deep, steps: 2000, steps_to_target: null }),
  ];
  const data = stepsData(rows, trials, depth, norm, {});
  assert.deepEqual([data.unreached, data.ended], [2, 3]);
  assert.deepEqual(
    data.trials.map((point) => point.steps),
    [800, null],
  );
  assert.deepEqual(finiteSteps(data), [900, 800]);
});

test("trials that have not ended, or failed, are no points", () => {
  const trials = (["pending", "failed", "cancelled"] as const).map((outcome) =>
    trial({ config: deep, outcome, steps_to_target: null }),
  );
  assert.equal(stepsData([], trials, depth, norm, {}).trials.length, 0);
});

// C1, C11
test("a diverged trial stands beyond the axis as a censored one does", () => {
  const rows = [summaryRow({ depth: 7, batch_norm: "none", n: 11, reached: 1, diverged: 10 })];
  const trials = [
    trial({ id: 1, config: deep, state: "failed", outcome: "diverged", steps_to_target: null }),
    trial({ id: 2, config: deep, state: "failed", outcome: "reached", steps_to_target: 35 }),
  ];
  const data = stepsData(rows, trials, depth, norm, {});
  assert.deepEqual([data.unreached, data.diverged, data.ended], [10, 10, 11]);
  assert.deepEqual(
    data.trials.map((point) => point.steps),
    [null, 35],
  );
});

test("a cell without a result is no median", () => {
  assert.equal(stepsData([summaryRow({ depth: 1, n: 0 })], [], depth, null, {}).medians.length, 0);
});

test("medians stand by series, then along the axis", () => {
  const rows = [
    [7, "before"],
    [7, "none"],
    [1, "before"],
    [1, "none"],
  ].map(([d, batch_norm]) => summaryRow({ depth: d as number, batch_norm: batch_norm as string }));
  const { medians } = stepsData(rows, [], depth, norm, {});
  assert.deepEqual(
    medians.map((point) => [point.series, point.x]),
    [
      [0, 1],
      [0, 7],
      [1, 1],
      [1, 7],
    ],
  );
});

test("only cells with the held values are drawn", () => {
  const rows = ["relu", "tanh"].map((activation) =>
    summaryRow({ depth: 1, activation, median_steps: activation === "tanh" ? 99 : 20 }),
  );
  assert.deepEqual(
    stepsData(rows, [], depth, null, { activation: "tanh" }).medians.map((point) => point.median),
    [99],
  );
});
