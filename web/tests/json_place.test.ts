import assert from "node:assert/strict";
import { test } from "node:test";
import { lineOf, placeOf, syntaxError } from "../src/json_place";

const text = `{
  "name": "a \\"b\\" {",
  "parameters": {"depth": [1, 70], "batch_norm": ["none"]}
}`;
const at = (path: string) => {
  const place = placeOf(text, path);
  return place === null ? null : text.slice(place.start, place.end);
};

test("a path leads to its value", () => {
  assert.equal(at("parameters.depth[1]"), "70");
  assert.equal(at("parameters.batch_norm"), '["none"]');
  assert.equal(at("name"), '"a \\"b\\" {"');
});

test("a path that is not there leads to what would hold it", () => {
  assert.equal(at("parameters.depth[9]"), "[1, 70]");
  assert.equal(at("base.activation"), null);
});

test("valid JSON has no syntax error, whatever its white space", () => {
  for (const good of ["0", " [ ] ", '{"a":[1.5e-3,true,null,"\\u00e9"]}', text]) {
    assert.equal(syntaxError(good), null, good);
  }
});

test("a syntax error is found where it stands", () => {
  const cases: [string, number][] = [
    ['{"a": 1 "b": 2}', 8],
    ['{"a": }', 6],
    ["[1, 2", 5],
    ['{"a" 1}', 5],
    ["[1] x", 4],
    ["{a: 1}", 1],
    ["", 0],
    ["[01]", 2],
  ];
  for (const [bad, place] of cases) {
    assert.equal(syntaxError(bad)?.at, place, bad);
  }
});

test("places are told in lines and columns from 1", () => {
  assert.deepEqual(lineOf("ab\ncd", 4), { line: 2, column: 2 });
  assert.deepEqual(lineOf("ab\ncd", 0), { line: 1, column: 1 });
});
