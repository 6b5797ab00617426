import assert from "node:assert/strict";
import { test } from "node:test";
import { nextDelay } from "../src/poll";

test("a quick daemon is asked at the usual pace, a slow one at a tenth of its time", () => {
  assert.equal(nextDelay(1000, 0, 20), 1000);
  assert.equal(nextDelay(1000, 0, 800), 8000);
});

test("failures back off, up to half a minute", () => {
  const delays = [1, 2, 3, 10, 50].map((failures) => nextDelay(1000, failures, 5));
  assert.equal(delays[0], 1000);
  assert.ok(delays[1]! > delays[0]! && delays[2]! > delays[1]!);
  assert.deepEqual(delays.slice(3), [30_000, 30_000]);
});
