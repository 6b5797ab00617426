import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chooseRoles,
  type Field,
  fieldOf,
  heldValues,
  matches,
  valueKey,
  varyingFields,
} from "../src/fields";
import { summaryRow } from "./rows";

const field = (name: string, values: Field["values"]): Field => ({
  name,
  values,
  numeric: values.every((value) => typeof value === "number"),
});
const depth = field("depth", [1, 2, 3]);
const norm = field("batch_norm", ["none", "before"]);
const activation = field("activation", ["sigmoid", "tanh", "relu"]);
const rate = field("learning_rate", [0.001, 0.01, 0.1, 1]);

test("depth goes along the axis and batch normalization in colours, as in the article", () => {
  assert.deepEqual(chooseRoles([norm, depth]), { x: "depth", series: "batch_norm", held: [] });
  assert.deepEqual(chooseRoles([rate, norm, depth]), {
    x: "depth",
    series: "batch_norm",
    held: ["learning_rate"],
  });
});

test("without depth a number goes along the axis, then the longest list of words", () => {
  assert.deepEqual(chooseRoles([activation, rate]), {
    x: "learning_rate",
    series: "activation",
    held: [],
  });
  assert.deepEqual(chooseRoles([activation, norm]), {
    x: "activation",
    series: "batch_norm",
    held: [],
  });
});

test("a parameter that varies alone goes along the axis", () => {
  assert.deepEqual(chooseRoles([norm]), { x: "batch_norm", series: null, held: [] });
  assert.deepEqual(chooseRoles([]), { x: null, series: null, held: [] });
});

test("what a person chose keeps its part", () => {
  assert.deepEqual(chooseRoles([depth, norm], { x: "batch_norm" }), {
    x: "batch_norm",
    series: "depth",
    held: [],
  });
  assert.deepEqual(chooseRoles([depth, norm], { series: null }), {
    x: "depth",
    series: null,
    held: ["batch_norm"],
  });
  assert.equal(chooseRoles([depth, norm], { series: "depth" }).x, "batch_norm");
});

test("a parameter with more values than colours is no series", () => {
  const many = field("batch_size", [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(chooseRoles([depth, many]).held, ["batch_size"]);
});

test("parameters of one value do not vary; numbers ascend; words keep the sweep's order", () => {
  const fields = varyingFields(
    { parameters: { depth: [7, 1], activation: ["tanh", "relu"], batch_size: [550] } },
    [],
  );
  assert.deepEqual(
    fields.map((one) => [one.name, one.values]),
    [
      ["depth", [1, 7]],
      ["activation", ["tanh", "relu"]],
    ],
  );
});

test("the values of a searched range come from the rows", () => {
  const rows = [0.1, 0.01, 0.1].map((learning_rate) => summaryRow({ learning_rate }));
  assert.deepEqual(
    varyingFields({ parameters: { learning_rate: { min: 0.01, max: 0.1 } } }, rows)[0]!.values,
    [0.01, 0.1],
  );
});

test("a configuration says depth and width by its hidden units", () => {
  assert.equal(fieldOf({ hidden_units: [500, 400] }, "depth"), 2);
  assert.equal(fieldOf({ hidden_units: [32, 32] }, "width"), 32);
});

test("a value is the same in the sweep, in a configuration and in a view", () => {
  assert.equal(valueKey([500, 400]), valueKey("500,400"));
  assert.equal(valueKey(true), valueKey(1));
  assert.ok(matches({ stop_at_target: false }, { stop_at_target: valueKey(0) }));
});

test("a field is held where there are results: the deepest depth, else the first value", () => {
  const rows = [
    summaryRow({ depth: 1, activation: "tanh" }),
    summaryRow({ depth: 2, activation: "tanh" }),
    summaryRow({ depth: 3, activation: "relu", n: 0 }),
  ];
  const held = (chosen: Record<string, string>) =>
    heldValues([depth, activation], ["depth", "activation"], chosen, rows);
  assert.deepEqual(held({}), { depth: "2", activation: "tanh" });
  assert.deepEqual(held({ depth: "3", activation: "gone" }), { depth: "3", activation: "tanh" });
  assert.deepEqual(heldValues([depth], ["depth"], {}, []), { depth: "3" });
});
