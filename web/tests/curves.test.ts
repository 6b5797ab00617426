import assert from "node:assert/strict";
import { test } from "node:test";
import { accuracyAt, capCurves, crowdedAbove, curvesOf, median, medianCurve } from "../src/curves";
import type { Field } from "../src/fields";
import { curveRows } from "./rows";

const norm: Field = { name: "batch_norm", values: ["none", "before"], numeric: false };

test("rows become one curve per trial, in its series, in the order of steps", () => {
  const rows = [
    ...curveRows(
      1,
      [
        [8, 0.5],
        [0, 0.1],
      ],
      { batch_norm: "before" },
    ),
    ...curveRows(2, [[0, 0.1]], { batch_norm: "none" }),
  ];
  const curves = curvesOf(rows, "step", norm, {});
  assert.deepEqual(
    curves.map((curve) => [curve.trial, curve.series]),
    [
      [1, 1],
      [2, 0],
    ],
  );
  assert.deepEqual(curves[0]!.points, [
    { x: 0, accuracy: 0.1 },
    { x: 8, accuracy: 0.5 },
  ]);
});

test("the target's name finds the side of its line that is free at the end", () => {
  const curve = (...accuracies: number[]) => ({
    seed: "0",
    trial: 1,
    series: 0,
    ended: true,
    diverged: false,
    points: accuracies.map((accuracy, x) => ({ x, accuracy })),
  });
  assert.equal(crowdedAbove([curve(0.2, 0.85, 0.94, 0.95)], 0.9, 2), true);
  assert.equal(crowdedAbove([curve(0.2, 0.94, 0.85, 0.86)], 0.9, 2), false);
  assert.equal(crowdedAbove([curve(0.2, 0.5, 0.7, 0.901)], 0.9, 2), false); // ends on the line
  assert.equal(crowdedAbove([], 0.9, 0), false);
});

test("against time the axis is seconds of training", () => {
  assert.equal(curvesOf(curveRows(1, [[200, 0.9]]), "time", null, {})[0]!.points[0]!.x, 2);
});

test("only trials with the held values are drawn", () => {
  const rows = [
    ...curveRows(1, [[0, 0.1]], { depth: 7 }),
    ...curveRows(2, [[0, 0.1]], { depth: 3 }),
  ];
  assert.deepEqual(
    curvesOf(rows, "step", null, { depth: "3" }).map((curve) => curve.trial),
    [2],
  );
});

test("the median ends where the first trial has reached the target", () => {
  const rows = [
    ...curveRows(1, [
      [0, 0.1],
      [10, 0.9],
    ]),
    ...curveRows(2, [
      [0, 0.1],
      [20, 0.9],
    ]),
    ...curveRows(3, [
      [0, 0.1],
      [30, 0.9],
    ]),
  ];
  const bold = medianCurve(curvesOf(rows, "step", null, {}));
  assert.deepEqual(
    bold.map((point) => point.x),
    [0, 10],
  );
  assert.ok(Math.abs(bold[1]!.accuracy - 0.5) < 1e-12); // trial 2 is half way there
});

test("a trial that is over before the first point has a mark of its own, and no median", () => {
  const rows = [
    ...curveRows(1, [[3, 0.9]]),
    ...curveRows(2, [
      [8, 0.8],
      [12, 0.9],
    ]),
  ];
  const curves = curvesOf(rows, "step", null, {});
  assert.deepEqual(
    curves.map((curve) => [curve.ended, curve.points.at(-1)]),
    [
      [true, { x: 3, accuracy: 0.9 }],
      [true, { x: 12, accuracy: 0.9 }],
    ],
  );
  assert.deepEqual(medianCurve(curves), []);
});

test("a running trial does not cut the median short", () => {
  const rows = [
    ...curveRows(1, [
      [0, 0.1],
      [10, 0.9],
    ]),
    ...curveRows(2, [
      [0, 0.1],
      [10, 0.9],
    ]),
    ...curveRows(
      3,
      [
        [0, 0.1],
        [1, 0.2],
      ],
      { state: "running", outcome: "pending" },
    ),
  ];
  assert.equal(medianCurve(curvesOf(rows, "step", null, {})).at(-1)!.x, 10);
});

// C1
test("a diverged trial counts as below the others from its end on", () => {
  const at = (...accuracies: number[]) =>
    accuracies.map((accuracy, i): [number, number] => [10 * i, accuracy]);
  const diverged = { state: "failed", outcome: "diverged" } as const;
  const rows = [
    ...curveRows(1, at(0.1, 0.5, 0.9)),
    ...curveRows(2, at(0.1, 0.6, 0.8)),
    ...curveRows(3, at(0.3), diverged),
  ];
  const bold = medianCurve(curvesOf(rows, "step", null, {}));
  assert.deepEqual(
    bold.map((point) => [point.x, point.accuracy]),
    [
      [0, 0.1],
      [10, 0.5],
      [20, 0.8],
    ],
  );
  const lost = [...rows, ...curveRows(4, at(0.3, 0.4), diverged)];
  assert.deepEqual(
    medianCurve(curvesOf(lost, "step", null, {})).map((point) => point.x),
    [0, 10],
  );
  // What failed for another reason is in no median.
  const failed = curveRows(5, at(0.3), { state: "failed", outcome: "failed" });
  assert.deepEqual(medianCurve(curvesOf([...rows, ...failed], "step", null, {})), bold);
});

test("no more curves of a series than asked for", () => {
  const rows = [1, 2, 3].flatMap((trial) => curveRows(trial, [[0, 0.1]]));
  assert.equal(capCurves(curvesOf(rows, "step", null, {}), 2).length, 2);
});

test("accuracy between measurements is interpolated and unknown outside of them", () => {
  const points = [
    { x: 2, accuracy: 0.2 },
    { x: 4, accuracy: 0.6 },
  ];
  assert.ok(Math.abs(accuracyAt(points, 3)! - 0.4) < 1e-12);
  assert.equal(accuracyAt(points, 1), null);
  assert.equal(accuracyAt(points, 5), null);
});

test("the median of an even number is the mean of the middle two", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([9, 1, 5]), 5);
});
