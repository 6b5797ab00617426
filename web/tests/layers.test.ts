import assert from "node:assert/strict";
import { test } from "node:test";
import type { LayerRow } from "../src/api_types";
import type { Field } from "../src/fields";
import { lastLayers, layerPoints, layersAxis, shrinkage } from "../src/layers";

const norm: Field = { name: "batch_norm", values: ["none", "before"], numeric: false };

/** One row per value, the last is the logits. */
function rows(values: (number | null)[], members: Partial<LayerRow> = {}): LayerRow[] {
  return values.map((median, layer) => ({
    cell: 0,
    step: 1,
    layer,
    trials: 3,
    q1: median,
    median,
    q3: median,
    depth: values.length - 1,
    ...members,
  }));
}

test("rows become points of their series, from the input to the logits", () => {
  const all = [
    ...rows([0.3, 0.4], { batch_norm: "before" }),
    ...rows([0.1, 0.2], { batch_norm: "none" }).reverse(),
  ];
  assert.deepEqual(
    layerPoints(all, norm, {}).map(({ series, layer, last, median }) => [
      series,
      layer,
      last,
      median,
    ]),
    [
      [0, 0, false, 0.1],
      [0, 1, true, 0.2],
      [1, 0, false, 0.3],
      [1, 1, true, 0.4],
    ],
  );
});

test("only the arms held are drawn, and a layer without the number has no point", () => {
  const all = [
    ...rows([0.1, null], { activation: "sigmoid" }),
    ...rows([0.2, 0.3, 0.4], { activation: "relu" }),
  ];
  const held = { activation: "sigmoid" };
  assert.deepEqual(
    layerPoints(all, null, held).map((point) => point.median),
    [0.1],
  );
  assert.deepEqual(lastLayers(all, held), [1]); // the logits keep their place
  assert.deepEqual(lastLayers(all, {}), [1, 2]);
});

test("shrinkage is what the logits have over the first layer", () => {
  const points = layerPoints(
    [...rows([0.001, 0.1, 10]), ...rows([0, 1], { batch_norm: "before" })],
    norm,
    {},
  );
  assert.ok(Math.abs(shrinkage(points, 0)! - 10_000) < 1e-6);
  assert.equal(shrinkage(points, 1), Infinity);
  assert.equal(shrinkage(points, 2), null);
  assert.equal(shrinkage(layerPoints(rows([0.5]), null, {}), 0), null); // no hidden layer
});

test("the axis is logarithmic over the quartiles, linear for shares", () => {
  const points = layerPoints(rows([1e-6, 1e-2], { q1: 1e-7, q3: 1e-1 }), null, {});
  const axis = layersAxis(points, false);
  assert.ok(axis.log && axis.domain[0] < 1e-7 && axis.domain[1] > 1e-1);
  assert.deepEqual(axis.ticks.length, 7); // 10^-7 .. 10^-1
  assert.equal(axis.zero, null);
  assert.deepEqual(layersAxis(points, true).domain, [0, 1]);
});

test("a zero stands below all others on a logarithmic axis", () => {
  const axis = layersAxis(layerPoints(rows([0, 1e-3, 1e-1]), null, {}), false);
  assert.ok(axis.zero! > axis.domain[0] && axis.zero! < 1e-3);
  assert.equal(axis.ticks[0], axis.zero);
  const none = layersAxis(layerPoints(rows([0, 0]), null, {}), false);
  assert.ok(none.domain.every((end) => Number.isFinite(end) && end > 0));
});

test("of forty powers of ten not each has a name", () => {
  const { ticks } = layersAxis(layerPoints(rows([1e-40, 1e-1]), null, {}), false);
  assert.ok(ticks.length >= 5 && ticks.length <= 11, String(ticks));
});
