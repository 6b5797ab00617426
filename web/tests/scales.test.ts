import assert from "node:assert/strict";
import { test } from "node:test";
import { jitter, linearTicks, logTicks, stepsAxis, xAxis } from "../src/scales";

test("numbers stand at themselves or their logarithm, words at their rank", () => {
  assert.equal(xAxis({ name: "depth", values: [1, 2, 7], numeric: true }).position(7), 7);
  const rates = xAxis({ name: "learning_rate", values: [0.001, 0.01, 0.1], numeric: true });
  assert.equal(rates.kind, "log");
  assert.ok(Math.abs(rates.position(0.1) + 1) < 1e-12 && Math.abs(rates.gap - 1) < 1e-12);
  const words = xAxis({ name: "activation", values: ["relu", "tanh"], numeric: false });
  assert.deepEqual([words.position("tanh"), words.ticks[1]!.label], [1, "tanh"]);
});

test("every value lies within the axis, and a single one has room", () => {
  const axis = xAxis({ name: "depth", values: [4, 5], numeric: true });
  assert.deepEqual(axis.domain, [3.5, 5.5]);
  assert.deepEqual(xAxis({ name: "depth", values: [4], numeric: true }).domain, [3.5, 4.5]);
});

test("many values get round ticks instead of one each", () => {
  const values = Array.from({ length: 100 }, (_, i) => 3 + i);
  assert.ok(xAxis({ name: "batch_size", values, numeric: true }).ticks.length <= 12);
});

test("ticks are round and inside", () => {
  assert.deepEqual(linearTicks(0, 58, 6), [0, 10, 20, 30, 40, 50]);
  assert.deepEqual(linearTicks(0, 0.35, 5), [0, 0.1, 0.2, 0.3]);
  assert.deepEqual(logTicks(12, 65), [15, 20, 30, 40, 50]);
  assert.deepEqual(logTicks(8, 450), [10, 20, 50, 100, 200]);
  assert.deepEqual(logTicks(0.5, 100000), [1, 10, 100, 1000, 10000, 100000]);
});

test("censored trials stand in a strip above the largest number", () => {
  for (const values of [
    [10, 50],
    [10, 1500],
  ]) {
    const axis = stepsAxis(values, true, 2000, null);
    assert.ok(
      Math.max(...values) < axis.edge! &&
        axis.edge! < axis.beyond! &&
        axis.beyond! < axis.domain[1],
    );
    assert.ok(axis.ticks.every((tick) => tick <= Math.max(...values)));
  }
});

test("the strip is for censored trials only; a wide span is logarithmic by itself", () => {
  assert.equal(stepsAxis([10, 50], false, 2000, null).beyond, null);
  assert.equal(stepsAxis([10, 50], false, 2000, null).log, false);
  assert.equal(stepsAxis([10, 1500], false, 2000, null).log, true);
  assert.equal(stepsAxis([10, 1500], false, 2000, false).log, false);
});

test("a figure in which nothing was reached still has an axis", () => {
  const axis = stepsAxis([], true, 600, null);
  assert.ok(axis.domain.every(Number.isFinite) && axis.beyond! > 600);
});

test("jitter is even and stays within half a unit", () => {
  const spread = Array.from({ length: 20 }, (_, i) => jitter(i));
  assert.ok(spread.every((at) => at >= -0.5 && at < 0.5));
  assert.ok(Math.abs(spread.reduce((a, b) => a + b) / 20) < 0.05);
});
