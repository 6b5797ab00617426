import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExact } from "../src/json_exact";

test("an integer that no double holds stays the text it was (D18)", () => {
  assert.deepEqual(parseExact('{"seed": 9007199254740993, "steps": 12}'), {
    seed: "9007199254740993",
    steps: 12,
  });
  assert.deepEqual(parseExact("[9007199254740991, -9007199254740993]"), [
    9007199254740991,
    "-9007199254740993",
  ]);
});

test("digits within texts and fractions are left alone", () => {
  const text =
    '{"a": "12345678901234567890", "b\\"1234567890123456789": 0.12345678901234567890, "c": 1e300}';
  assert.deepEqual(parseExact(text), JSON.parse(text));
});
